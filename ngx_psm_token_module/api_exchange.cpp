// SPDX-License-Identifier: BSD-2-Clause

#include "api_exchange.hpp"

#include "answer.hpp"
#include "conf.hpp"
#include "headers.hpp"
#include "location.hpp"
#include "request.hpp"
#include "worker.hpp"

#include "../lib/text.hpp"

#include <algorithm>

namespace psm::edge {

namespace {

/// What a token says of itself before its record is read.
ApiCaller caller_of(const Request* request)
{
    ApiCaller caller;

    if (request->hashed) {
        const auto hex = request->digest.hex();
        caller.standing = Standing::known;
        caller.digest.assign(hex.begin(), hex.end());
    } else {
        caller.standing = request->standing;
    }
    return caller;
}

/// Empty where there is none. Throws when it cannot be worked out: nobody is
/// let in for want of memory.
std::string value_of(ngx_http_request_t* r, ngx_http_complex_value_t* complex)
{
    ngx_str_t value{};

    if (complex != nullptr &&
        ngx_http_complex_value(r, complex, &value) != NGX_OK) {
        throw std::bad_alloc();
    }
    return std::string(view(value));
}

/// As a browser writes it in Origin: in lower case, without the usual port.
std::string site_of(ngx_http_request_t* r)
{
    if (r->headers_in.host == nullptr) {
        return {};
    }

    const std::string_view scheme = request_scheme(r);
    std::string site(scheme);
    site.append("://").append(view(r->headers_in.host->value));
    std::ranges::transform(site, site.begin(), to_lower);

    const std::string_view port = scheme == "https" ? ":443" : ":80";
    if (site.ends_with(port)) {
        site.resize(site.size() - port.size());
    }
    return site;
}

/// The location's name without a slash at its end: routes begin with one.
std::string_view prefix_of(ngx_http_request_t* r)
{
    const auto* clcf = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    std::string_view name = view(clcf->name);

    if (name.ends_with('/')) {
        name.remove_suffix(1);
    }
    return name;
}

} // namespace

Exchange::Exchange(Request* of, Worker& worker, const Api::Limits& limits)
    : request(of), port(*worker.api),
      store(port, worker.api->conf().address.prefix),
      api(store, limits, worker.denials)
{
}

Exchange::~Exchange()
{
    if (finished.posted) {
        ngx_delete_posted_event(&finished);
    }
    task.reset();
    wipe(body);
    wipe(response.body);
}

Exchange* Exchange::find(ngx_http_request_t* r) noexcept
{
    const Request* request = find_request(r);

    return request == nullptr ? nullptr : request->exchange;
}

ApiRequest make_api_request(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;
    const LocationConf* conf = location_conf(r);
    const std::string_view prefix = prefix_of(r);
    const std::string_view uri = view(r->uri);
    ApiRequest made;

    made.method = view(r->method_name);
    // A rewrite may have led elsewhere, where there is no route.
    made.path = uri.starts_with(prefix) ? uri.substr(prefix.size()) : "";
    made.args = view(r->args);
    made.content_type = joined_header(r, "content-type");
    made.origin = joined_header(r, "origin");
    if (has_request_header(r, "if-match")) {
        made.if_match = joined_header(r, "if-match");
    }
    made.site = site_of(r);
    made.prefix = prefix;
    made.caller = caller_of(exchange->request);
    made.caller.user = value_of(r, conf->api_user);
    made.caller.admin = value_of(r, conf->api_admin) == "1";
    made.request_id = request_id(r);
    made.client = view(r->connection->addr_text);
    made.now = ngx_time();
    made.body = std::move(exchange->body);
    return made;
}

} // namespace psm::edge
