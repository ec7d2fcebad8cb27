// SPDX-License-Identifier: BSD-2-Clause

#include "headers.hpp"

#include "conf.hpp"
#include "worker.hpp"

#include "../lib/text.hpp"

#include <array>

namespace psm::edge {

namespace {

constexpr CarrierSet authorization_carriers = carrier_bit(Carrier::bearer)
                                              | carrier_bit(Carrier::token)
                                              | carrier_bit(Carrier::basic);

/// Calls `visit` with each request header until it returns false.
template <class Visit>
void for_each_header(ngx_http_request_t* r, Visit visit)
{
    for (auto* part = &r->headers_in.headers.part; part != nullptr;
         part = part->next)
    {
        auto* headers = static_cast<ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (!visit(headers[i])) {
                return;
            }
        }
    }
}

struct Reader {
    Request* request;
    CarrierSet enabled;
    TokenFormat format;
    Claim claim;
    CarrierSet seen = 0;
    bool twice = false;
    std::array<char, max_basic_length> scratch;

    bool read(const ngx_table_elt_t& header);
};

bool Reader::read(const ngx_table_elt_t& header)
{
    const CarrierSet carriers = carriers_of_header(
        {reinterpret_cast<char*>(header.lowcase_key), header.key.len});

    if ((carriers & enabled) == 0) {
        return true;
    }
    if ((carriers & seen) != 0) {
        twice = true;
        return false;
    }
    seen |= carriers;

    std::optional<Credential> credential;
    if (carriers == authorization_carriers) {
        credential =
            read_authorization(view(header.value), enabled, format, scratch);
    } else {
        const bool x_auth = carriers == carrier_bit(Carrier::x_auth);
        credential =
            read_plain_header(x_auth ? Carrier::x_auth : Carrier::x_api_key,
                              view(header.value), format);
    }

    if (credential) {
        claim.add(*credential);
        if (reads_as_token(*credential)) {
            request->header_tokens |= carriers;
        }
    }
    return true;
}

ngx_int_t hash_token(Request* request, std::string_view token)
{
    ngx_http_request_t* r = request->r;
    Worker* worker =
        Worker::get(main_conf(r), const_cast<ngx_cycle_t*>(ngx_cycle));

    if (worker == nullptr || !worker->hasher.digest(token, request->digest)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "psm token: cannot hash a token");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    request->standing = Standing::unavailable;
    return NGX_OK;
}

ngx_int_t judge(Request* request, const Claim& claim)
{
    switch (claim.verdict()) {
    case Verdict::none:
        request->standing = Standing::anonymous;
        return NGX_OK;
    case Verdict::ambiguous:
        request->standing = Standing::ambiguous;
        return NGX_OK;
    case Verdict::masked:
        request->standing = Standing::masked;
        return NGX_OK;
    case Verdict::malformed:
        request->standing = Standing::malformed;
        return NGX_OK;
    case Verdict::token:
        break;
    }
    return hash_token(request, claim.token());
}

} // namespace

bool reads_as_token(const Credential& credential)
{
    return credential.shape != TokenShape::malformed
           || credential.text.starts_with(token_prefix);
}

CarrierSet carriers_of_header(std::string_view lowcase_name)
{
    switch (lowcase_name.size()) {
    case 6:
        return lowcase_name == "x-auth" ? carrier_bit(Carrier::x_auth) : 0;
    case 9:
        return lowcase_name == "x-api-key" ? carrier_bit(Carrier::x_api_key)
                                           : 0;
    case 13:
        return lowcase_name == "authorization" ? authorization_carriers : 0;
    default:
        return 0;
    }
}

ngx_int_t identify(Request* request)
{
    const ServerConf* conf = server_conf(request->r);

    request->identified = true;

    // What nginx itself asks for is nobody's: the headers are the client's,
    // the URI is not.
    if (request->internal) {
        request->standing = Standing::anonymous;
        return NGX_OK;
    }

    Reader reader;
    reader.request = request;
    reader.enabled = static_cast<CarrierSet>(conf->carriers);
    reader.format = format_of(conf);
    reader.claim = request->claim;

    for_each_header(request->r, [&](const ngx_table_elt_t& header) {
        return reader.read(header);
    });

    const ngx_int_t rc =
        reader.twice ? NGX_HTTP_BAD_REQUEST : judge(request, reader.claim);
    wipe(reader.scratch);
    return rc;
}

bool drop_token_headers(Request* request)
{
    ngx_http_request_t* r = request->r;
    const CarrierSet drop = request->header_tokens;

    if (drop == 0) {
        return true;
    }

    // A new list, in one part with room to grow: taking an element out of the
    // old one would move those that r->headers_in points to.
    ngx_uint_t count = 0;
    for_each_header(r, [&](const ngx_table_elt_t&) { return ++count != 0; });

    ngx_list_t kept;
    if (ngx_list_init(&kept, r->pool, count + 2, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return false;
    }

    for_each_header(r, [&](ngx_table_elt_t& header) {
        const CarrierSet carriers = carriers_of_header(
            {reinterpret_cast<char*>(header.lowcase_key), header.key.len});
        if ((carriers & drop) != 0) {
            wipe(bytes(header.value));
            return true;
        }
        *static_cast<ngx_table_elt_t*>(ngx_list_push(&kept)) = header;
        return true;
    });

    // The list points into itself.
    r->headers_in.headers = kept;
    if (kept.last == &kept.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    if ((drop & authorization_carriers) != 0) {
        r->headers_in.authorization = nullptr;
        r->headers_in.user = to_ngx("");
        r->headers_in.passwd = to_ngx("");
    }
    request->header_tokens = 0;
    return true;
}

} // namespace psm::edge
