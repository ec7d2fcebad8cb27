// SPDX-License-Identifier: BSD-2-Clause
//
// Whoever may reach the location may read it: there is no token in it, no
// name and no id, only numbers. Access is nginx's business (allow, listen, or
// the gate itself).

#include "metrics.hpp"

#include "answer.hpp"
#include "conf.hpp"
#include "counters.hpp"
#include "headers.hpp"
#include "worker.hpp"

#include "../lib/text.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace psm::edge {

namespace {

// Shorter than any token.
constexpr std::size_t max_named = 15;

/// The answer, which goes out in one buffer.
struct Page {
    ngx_uint_t status = NGX_HTTP_OK;
    std::string_view type;
    std::string body;
};

/// What `?format=` or the Accept header asks for; nullopt, and `unknown` set,
/// when it is a format that we do not have.
std::optional<MetricsFormat> wanted_format(ngx_http_request_t* r,
                                           std::string_view& unknown)
{
    ngx_str_t format;

    if (ngx_http_arg(r, to_ngx("format").data, 6, &format) != NGX_OK) {
        return choose_format(joined_header(r, "accept"));
    }
    if (view(format) == "json") {
        return MetricsFormat::json;
    }
    if (view(format) == "prometheus") {
        return MetricsFormat::prometheus;
    }
    unknown = view(format);
    return std::nullopt;
}

/// Names what was asked for if it can be no token and needs no escapes.
Page bad_format(std::string_view unknown)
{
    const bool plain = std::ranges::all_of(unknown, [](char c) {
        return is_alnum(c) || c == '-' || c == '_' || c == '.';
    });
    const std::string named =
        plain && unknown.size() <= max_named
            ? "\\\"" + std::string(unknown) + "\\\""
            : "(" + std::to_string(unknown.size()) + " characters)";

    return {.status = NGX_HTTP_BAD_REQUEST,
            .type = "application/problem+json",
            .body = R"({"type":"about:blank","title":"Unknown format",)"
                    R"("status":400,"detail":"There is no format )" +
                    named +
                    R"(. Ask for format=json or format=prometheus."})"
                    "\n"};
}

Page make_page(ngx_http_request_t* r)
{
    MainConf* conf = main_conf(r);
    std::string_view unknown;
    const auto format = wanted_format(r, unknown);

    if (!format) {
        return bad_format(unknown);
    }
    if (Worker* worker = Worker::get(conf)) {
        worker->publish(); // ours at least are of this moment
    }
    return {.type = media_type(*format),
            .body = write_counters(*conf->counters, *format)};
}

ngx_int_t send_page(ngx_http_request_t* r, const Page& page)
{
    std::string_view body;

    if (!copy(r->pool, page.body, body)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = page.status;
    r->headers_out.content_length_n = static_cast<off_t>(body.size());
    r->headers_out.content_type = to_ngx(page.type);
    r->headers_out.content_type_len = page.type.size();
    r->headers_out.content_type_lowcase = nullptr;

    const ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    auto* b = static_cast<ngx_buf_t*>(ngx_calloc_buf(r->pool));
    if (b == nullptr) {
        return NGX_ERROR;
    }
    b->pos = to_ngx(body).data;
    b->last = b->pos + body.size();
    b->memory = 1;
    b->last_buf = r == r->main;
    b->last_in_chain = 1;

    ngx_chain_t out{b, nullptr};
    return ngx_http_output_filter(r, &out);
}

ngx_int_t metrics_handler(ngx_http_request_t* r)
{
    if (!add_header(r, "Cache-Control", "no-store")) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if ((r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) {
        return add_header(r, "Allow", "GET, HEAD")
                   ? NGX_HTTP_NOT_ALLOWED
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (const ngx_int_t rc = ngx_http_discard_request_body(r); rc != NGX_OK) {
        return rc;
    }
    return guard(r->connection->log,
                 static_cast<ngx_int_t>(NGX_HTTP_INTERNAL_SERVER_ERROR),
                 [r] { return send_page(r, make_page(r)); });
}

} // namespace

char* set_metrics(ngx_conf_t* cf, ngx_command_t* /*cmd*/, void* /*conf*/)
{
    auto* clcf = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    auto* mcf = static_cast<MainConf*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_psm_token_module));

    if (clcf->handler == metrics_handler) {
        return const_cast<char*>("is duplicate");
    }
    clcf->handler = metrics_handler;
    mcf->metrics = 1;
    return NGX_CONF_OK;
}

} // namespace psm::edge
