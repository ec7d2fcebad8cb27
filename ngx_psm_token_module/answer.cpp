// SPDX-License-Identifier: BSD-2-Clause

#include "answer.hpp"

#include "conf.hpp"
#include "location.hpp"
#include "request.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/mask.hpp"
#include "../lib/problem.hpp"
#include "../lib/text.hpp"

#include <string>

namespace psm::edge {

namespace {

ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

constexpr std::string_view vary = "Authorization, X-Auth, X-API-Key";

template <class Visit>
void for_each_named(ngx_http_request_t* r, std::string_view name, Visit visit)
{
    for_each_header(r->headers_out.headers, [&](ngx_table_elt_t& h) {
        if (h.key.len == name.size() && h.hash != 0 &&
            iequals(view(h.key), name)) {
            visit(h);
        }
        return true;
    });
}

/// Replaces nginx's page by ours.
bool word_denial(Request* request)
{
    ngx_http_request_t* r = request->r;
    char* p = static_cast<char*>(ngx_pnalloc(r->pool, max_problem_size));

    if (p == nullptr) {
        return false;
    }

    const std::int64_t expires = request->standing == Standing::known
                                     ? request->identity.expires()
                                     : never_expires;
    request->body = write_problem(request->denied_for, request_id(r), expires,
                                  {p, max_problem_size});

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = static_cast<off_t>(request->body.size());
    r->headers_out.content_type = to_ngx("application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = nullptr;
    ngx_str_null(&r->headers_out.charset);
    return true;
}

bool add_denial_headers(Request* request)
{
    ngx_http_request_t* r = request->r;
    const auto status = info(request->denied_for).status;

    if (status == NGX_HTTP_UNAUTHORIZED &&
        !add_header(r, "WWW-Authenticate",
                    challenge(request->standing != Standing::anonymous))) {
        return false;
    }
    if (status == NGX_HTTP_SERVICE_UNAVAILABLE &&
        !add_header(r, "Retry-After", "2")) {
        return false;
    }

    for_each_named(r, "Cache-Control", [](auto& h) { h.hash = 0; });
    return add_header(r, "Cache-Control", "no-store");
}

bool has_header(ngx_http_request_t* r, std::string_view name)
{
    bool found = false;

    for_each_named(r, name, [&](auto&) { found = true; });
    return found;
}

/// nginx may send an answer through the filters twice (416).
bool add_private_headers(ngx_http_request_t* r, std::string_view caching)
{
    bool cached = false;
    bool varies = false;

    for_each_header(r->headers_out.headers, [&](const ngx_table_elt_t& h) {
        if (h.hash != 0) {
            const std::string_view name = view(h.key);
            cached = cached || iequals(name, "Cache-Control");
            varies = varies || (iequals(name, "Vary") && view(h.value) == vary);
        }
        return true;
    });
    return (cached || add_header(r, "Cache-Control", caching)) &&
           (varies || add_header(r, "Vary", vary));
}

/// anaconda-client logs this header once (clients.md section 4).
bool warn_of_expiry(Request* request)
{
    ngx_http_request_t* r = request->r;
    const time_t warn = location_conf(r)->warn;

    if (request->standing != Standing::known) {
        return true;
    }

    const std::int64_t expires = request->identity.expires();
    const std::int64_t left = expires - ngx_time();
    if (expires == never_expires || left > warn || left <= 0 ||
        has_header(r, "Conda-Token-Warning")) {
        return true;
    }

    const std::string text = "token expires in " + format_duration(left) +
                             ", at " + format_time(expires);
    std::string_view own;
    return copy(r->pool, text, own) &&
           add_header(r, "Conda-Token-Warning", own);
}

bool add_granted_headers(Request* request)
{
    if (request->private_read && !add_private_headers(request->r, "private")) {
        return false;
    }
    return guard(request->r->connection->log, false,
                 [&] { return warn_of_expiry(request); });
}

bool shape_answer(Request* request)
{
    ngx_http_request_t* r = request->r;

    // Whatever is said there, by whomever.
    if (location_conf(r)->api != 0) {
        for_each_named(r, "Cache-Control", [](auto& h) { h.hash = 0; });
        return add_private_headers(r, "no-store");
    }
    if (request->denied &&
        r->headers_out.status == info(request->denied_for).status) {
        if (request->denied_conf == r->loc_conf && !word_denial(request)) {
            return false;
        }
        return add_denial_headers(request);
    }
    if (request->decided && request->decision.allow()) {
        return add_granted_headers(request);
    }
    return true;
}

/// Gives the Location its token back for as long as the header is being
/// sent: behind that, a copy in the pool would be found in $sent_http_location
/// and in the memory of an idle worker.
ngx_int_t send_with_token(Request* request)
{
    ngx_http_request_t* r = request->r;
    ngx_table_elt_t* const location = r->headers_out.location;
    ngx_table_elt_t* restored = nullptr;
    ngx_str_t before{};
    bool sound = true;

    for_each_named(r, "Location", [&](ngx_table_elt_t& h) {
        if (restored == nullptr) { // there is one
            before = h.value;
            sound = restore_token(request, h.value);
            restored = h.value.data != before.data ? &h : nullptr;
        }
    });
    if (!sound) {
        return NGX_ERROR;
    }

    // nginx would make it absolute with the name and the port that it
    // listens on, which need not be those that the client knows.
    if (r->headers_out.location != nullptr &&
        view(r->headers_out.location->value).starts_with('/')) {
        r->headers_out.location = nullptr;
    }

    const ngx_int_t rc = next_header_filter(r);

    // Another filter keeps the header back, or makes another answer of it
    // (416): there will be a second time.
    if (!r->header_sent) {
        r->headers_out.location = location;
        if (restored != nullptr) {
            wipe(bytes(restored->value));
            restored->value = before;
        }
        return rc;
    }
    if (restored != nullptr) {
        mask_token_url(bytes(restored->value),
                       {request->token, request->token_len});
    }
    wipe_token(request);
    return rc;
}

ngx_int_t header_filter(ngx_http_request_t* r)
{
    Request* request = r == r->main ? find_request(r) : nullptr;

    if (request == nullptr) {
        return next_header_filter(r);
    }

    if (!shape_answer(request)) {
        return NGX_ERROR;
    }
    return request->token_len != 0 ? send_with_token(request)
                                   : next_header_filter(r);
}

ngx_int_t body_filter(ngx_http_request_t* r, ngx_chain_t* in)
{
    Request* request = r == r->main ? find_request(r) : nullptr;

    if (request == nullptr || request->denied_conf == nullptr ||
        request->body.empty() || in == nullptr) {
        return next_body_filter(r, in);
    }

    // nginx's page is swallowed; ours goes out in its place, once.
    bool last = false;
    for (ngx_chain_t* cl = in; cl != nullptr; cl = cl->next) {
        last = last || cl->buf->last_buf != 0;
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }
    if (!last) {
        return NGX_OK;
    }

    auto* b = static_cast<ngx_buf_t*>(ngx_calloc_buf(r->pool));
    if (b == nullptr) {
        return NGX_ERROR;
    }
    const ngx_str_t body = to_ngx(request->body);
    b->pos = body.data;
    b->last = body.data + body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;
    request->body = {};

    ngx_chain_t out{b, nullptr};
    return next_body_filter(r, &out);
}

} // namespace

std::string_view request_id(ngx_http_request_t* r)
{
    const auto* value = ngx_http_get_indexed_variable(
        r, static_cast<ngx_uint_t>(main_conf(r)->request_id));

    if (value == nullptr || value->not_found) {
        return {};
    }
    return {reinterpret_cast<char*>(value->data), value->len};
}

bool add_header(ngx_http_request_t* r, std::string_view name,
                std::string_view value)
{
    auto* h =
        static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
    if (h == nullptr) {
        return false;
    }
    *h = {}; // nginx 1.23 added a link that must not dangle
    h->hash = 1;
    h->key = to_ngx(name);
    h->value = to_ngx(value);
    return true;
}

ngx_int_t install_filters(ngx_conf_t* /*cf*/)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;

    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = body_filter;

    return NGX_OK;
}

} // namespace psm::edge
