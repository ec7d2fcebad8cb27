// SPDX-License-Identifier: BSD-2-Clause

#include "headers.hpp"

#include "conf.hpp"
#include "worker.hpp"

#include "../lib/text.hpp"
#include "../lib/whole_token.hpp"

#include <array>

namespace psm::edge {

namespace {

constexpr CarrierSet authorization_carriers = carrier_bit(Carrier::bearer) |
                                              carrier_bit(Carrier::token) |
                                              carrier_bit(Carrier::basic);

struct Reader {
    Request* request;
    CarrierSet enabled;
    TokenFormat format;
    Claim claim;
    CarrierSet seen = 0;
    bool twice = false;

    /// A decoded Basic; the claim may point into it. Most requests have none,
    /// and then nothing is cleared before or after.
    bool decoded = false;
    std::array<char, max_basic_length> scratch;

    bool read(const ngx_table_elt_t& header);
};

bool Reader::read(const ngx_table_elt_t& header)
{
    const CarrierSet carriers = carriers_of_header(lowcase_name(header));

    if ((carriers & enabled) == 0) {
        return true;
    }
    twice = twice || (carriers & seen) != 0;
    seen |= carriers;

    // Also behind a second line, so that no token is passed on with it.
    std::optional<Credential> credential;
    if (carriers == authorization_carriers) {
        decoded = true;
        scratch.fill(0);
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
        if (holds_token(credential, view(header.value),
                        {scratch.data(), scratch.size()})) {
            request->header_tokens |= carriers;
        }
    }
    return true;
}

/// nginx takes a user that is empty, but there, for one that it has looked
/// for and not found.
void hide_basic_user(ngx_http_request_t* r)
{
    wipe(bytes(r->headers_in.user));
    wipe(bytes(r->headers_in.passwd));
    r->headers_in.user = to_ngx("");
    r->headers_in.passwd = to_ngx("");
}

ngx_int_t hash_token(Request* request, std::string_view token)
{
    ngx_http_request_t* r = request->r;
    Worker* worker = Worker::get(main_conf(r));

    if (worker == nullptr || !worker->hasher.digest(token, request->digest)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "psm token: cannot hash a token");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    request->hashed = true;
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

bool holds_token(const std::optional<Credential>& credential,
                 std::string_view value, std::string_view decoded)
{
    if (has_whole_token(value)) {
        return true;
    }
    if (!credential) {
        return false;
    }
    if (credential->carrier == Carrier::basic &&
        (credential->text.empty() || has_whole_token(decoded))) {
        return true; // nginx and upstreams decode more than we do
    }
    return credential->shape != TokenShape::malformed ||
           credential->text.starts_with(token_prefix);
}

void hide_token_user(ngx_http_request_t* r)
{
    const ngx_table_elt_t* header = r->headers_in.authorization;

    if (header == nullptr || ngx_http_auth_basic_user(r) != NGX_OK) {
        return;
    }

    std::array<char, max_basic_length> scratch{};
    const std::string_view user = view(r->headers_in.user);
    const auto credential =
        read_authorization(view(header->value), carrier_bit(Carrier::basic),
                           format_of(server_conf(r)), scratch);
    const bool hide = has_whole_token(user) ||
                      (credential &&
                       holds_token(credential, view(header->value),
                                   {scratch.data(), scratch.size()}) &&
                       (credential->text.empty() || credential->text == user));

    wipe(scratch);
    if (hide) {
        hide_basic_user(r);
    }
}

CarrierSet carriers_of_header(std::string_view name)
{
    switch (name.size()) {
    case 6:
        return name == "x-auth" ? carrier_bit(Carrier::x_auth) : 0;
    case 9:
        return name == "x-api-key" ? carrier_bit(Carrier::x_api_key) : 0;
    case 13:
        return name == "authorization" ? authorization_carriers : 0;
    default:
        return 0;
    }
}

ngx_int_t identify(Request* request, CarrierSet enabled)
{
    const ServerConf* conf = server_conf(request->r);

    request->identified = true;

    Reader reader;
    reader.request = request;
    reader.enabled = enabled;
    reader.format = format_of(conf);
    reader.claim = request->claim;

    for_each_header(
        request->r->headers_in.headers,
        [&](const ngx_table_elt_t& header) { return reader.read(header); });

    ngx_int_t rc = NGX_OK;
    if (request->nobody) {
        request->standing = Standing::anonymous;
    } else {
        rc = reader.twice ? NGX_HTTP_BAD_REQUEST : judge(request, reader.claim);
    }
    if (reader.decoded) {
        wipe(reader.scratch);
    }
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
    for_each_header(r->headers_in.headers,
                    [&](const ngx_table_elt_t&) { return ++count != 0; });

    ngx_list_t kept;
    if (ngx_list_init(&kept, r->pool, count + 2, sizeof(ngx_table_elt_t)) !=
        NGX_OK) {
        return false;
    }

    for_each_header(r->headers_in.headers, [&](ngx_table_elt_t& header) {
        const CarrierSet carriers = carriers_of_header(lowcase_name(header));
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
        hide_basic_user(r);
    }
    request->header_tokens = 0;
    return true;
}

bool has_request_header(ngx_http_request_t* r, std::string_view name)
{
    bool found = false;

    for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& h) {
        found = lowcase_name(h) == name;
        return !found;
    });
    return found;
}

std::string joined_header(ngx_http_request_t* r, std::string_view name)
{
    std::string all;

    for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& h) {
        if (lowcase_name(h) == name) {
            all.append(all.empty() ? "" : ",").append(view(h.value));
        }
        return true;
    });
    return all;
}

} // namespace psm::edge
