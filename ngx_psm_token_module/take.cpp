// SPDX-License-Identifier: BSD-2-Clause
//
// A token stands in up to three buffers: the raw request line, over HTTP/2
// the raw :path, and r->uri when nginx had to decode it. The usual URI needs
// no decoding, so that r->uri and r->unparsed_uri are parts of the raw bytes:
//
//     GET /t/psm-0123456789...4OPBnF/main/noarch/repodata.json HTTP/1.1
//     ****************************GET /t/****/main/noarch/repodata.json
//     HTTP/1.1
//                                 ^ request_line  ^ uri, unparsed_uri
//
// and taking is moving pointers (move_over). Anything else is written anew
// into the pool (rewrite_all). Both leave no token in the old bytes.

#include "take.hpp"

#include "conf.hpp"
#include "request.hpp"

#include "../lib/mask.hpp"
#include "../lib/text.hpp"
#include "../lib/token.hpp"
#include "../lib/token_path.hpp"
#include "../lib/whole_token.hpp"

#include <algorithm>

namespace psm::edge {

namespace {

void mask_referer(ngx_http_request_t* r, std::string_view token)
{
    if (r->headers_in.referer == nullptr) {
        return;
    }
    // There may be several lines, and nginx points to one.
    for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& h) {
        if (lowcase_name(h) == "referer") {
            mask_token_url(bytes(h.value), token);
        }
        return true;
    });
}

void mask_raw_line(ngx_http_request_t* r)
{
    if (r->request_line.data == nullptr && r->request_start != nullptr) {
        u_char* end = r->request_start;
        while (end < r->header_in->last && *end != CR && *end != LF) {
            end++;
        }
        r->request_line.data = r->request_start;
        r->request_line.len = static_cast<size_t>(end - r->request_start);
    }
    if (r->request_line.len != 0) {
        mask_token_url(bytes(r->request_line));
    }
    if (r->unparsed_uri.len != 0) {
        mask_token_url(bytes(r->unparsed_uri));
        r->valid_unparsed_uri = 0;
    }
}

void overwrite(u_char* from, const u_char* to)
{
    if (from < to) {
        ngx_memset(from, '*', static_cast<size_t>(to - from));
    }
}

/// Where the URI stands in the request line: nginx keeps one buffer for
/// both over HTTP/1, and two over HTTP/2.
u_char* uri_in_line(ngx_http_request_t* r)
{
    u_char* line = r->request_line.data;

    if (r->uri_start >= line && r->uri_start < line + r->request_line.len) {
        return r->uri_start;
    }
    return line + r->method_name.len + 1;
}

/// Remembers the token and where it stood: its bytes are about to go.
bool keep_token(Request* request, std::string_view uri, const PathTokens& found)
{
    const std::string_view token = request->claim.token();

    if (token.empty()) {
        return true;
    }
    ngx_memcpy(request->token, token.data(), token.size());
    request->token_len = static_cast<std::uint8_t>(token.size());
    request->claim.keep({request->token, request->token_len});

    // A cut at the start moves nothing in front of a Location's path.
    const std::string_view before = uri.substr(0, found.cuts[0].at);
    return before.empty() ||
           copy(request->r->pool, before, request->put_back_behind);
}

/// Whether what stands behind the cut may hold a token as well.
bool shows_token(std::string_view rest, std::string_view token)
{
    const std::size_t shortest =
        token.empty() ? token_length : std::min(token.size(), token_length);
    return rest.size() >= shortest && has_token_text(rest, token);
}

/// "GET ", and in the absolute form "http://host" as well.
std::string_view before_uri(ngx_http_request_t* r)
{
    const u_char* line = r->request_line.data;

    return {reinterpret_cast<const char*>(line),
            static_cast<std::size_t>(uri_in_line(r) - line)};
}

bool can_move_over(ngx_http_request_t* r, const PathTokens& found,
                   std::string_view token)
{
    if (found.count != 1 || found.cuts[0].at != 0 || found.nothing_behind ||
        found.empty_segment || r->uri.data != r->uri_start ||
        r->unparsed_uri.data != r->uri_start) {
        return false;
    }

    const std::size_t cut = found.cuts[0].len;
    const std::string_view before = before_uri(r);

    return cut < r->uri.len && cut >= masked_pair.size() + before.size() &&
           !shows_token(before, token) &&
           !shows_token(view(r->unparsed_uri).substr(cut), token);
}

void move_over(ngx_http_request_t* r, std::size_t cut)
{
    u_char* line = r->request_line.data;
    u_char* uri = uri_in_line(r);
    const auto lead = static_cast<std::size_t>(uri - line);
    const std::size_t gain = cut - masked_pair.size();

    ngx_memcpy(uri + gain, masked_pair.data(), masked_pair.size());
    ngx_memcpy(line + gain, line, lead);
    overwrite(uri, line + gain);
    if (uri != r->uri_start) {
        overwrite(r->uri_start, r->uri_start + cut);
    }

    r->request_line.data += gain;
    r->request_line.len -= gain;
    r->uri.data += cut;
    r->uri.len -= cut;
    r->unparsed_uri.data += cut;
    r->unparsed_uri.len -= cut;
    r->valid_unparsed_uri = 0;
}

/// before + escaped path + "?" + args + after, in the pool.
bool join_line(ngx_http_request_t* r, std::string_view before,
               std::string_view path, std::string_view after, ngx_str_t& line)
{
    auto* src = reinterpret_cast<u_char*>(const_cast<char*>(path.data()));
    const uintptr_t escapes =
        2 * ngx_escape_uri(nullptr, src, path.size(), NGX_ESCAPE_URI);

    line.data = static_cast<u_char*>(
        ngx_pnalloc(r->pool, before.size() + path.size() + escapes + 1 +
                                 r->args.len + after.size()));
    if (line.data == nullptr) {
        return false;
    }

    u_char* p = ngx_cpymem(line.data, before.data(), before.size());
    p = escapes == 0 ? ngx_cpymem(p, src, path.size())
                     : reinterpret_cast<u_char*>(
                           ngx_escape_uri(p, src, path.size(), NGX_ESCAPE_URI));
    if (r->args.len != 0) {
        *p++ = '?';
        p = ngx_cpymem(p, r->args.data, r->args.len);
    }
    p = ngx_cpymem(p, after.data(), after.size());
    line.len = static_cast<size_t>(p - line.data);
    return true;
}

/// The ends of the request line that stay: "GET " and " HTTP/1.1".
bool line_ends(ngx_http_request_t* r, std::string_view& before,
               std::string_view& after)
{
    auto* p = static_cast<u_char*>(
        ngx_pnalloc(r->pool, r->method_name.len + 2 + r->http_protocol.len));
    if (p == nullptr) {
        return false;
    }

    u_char* start = p;
    p = ngx_cpymem(p, r->method_name.data, r->method_name.len);
    *p++ = ' ';
    before = {reinterpret_cast<char*>(start), r->method_name.len + 1};

    u_char* middle = p;
    *p++ = ' ';
    ngx_memcpy(p, r->http_protocol.data, r->http_protocol.len);
    after = {reinterpret_cast<char*>(middle), 1 + r->http_protocol.len};
    return true;
}

/// Each by itself, so that an escape in one does not tell on another.
void mask_arguments(std::span<char> args, std::string_view token)
{
    while (!args.empty()) {
        const std::string_view text(args.data(), args.size());
        const std::size_t len = std::min(text.find('&'), text.size());

        mask_whole_tokens(args.first(len), token);
        args = args.subspan(std::min(len + 1, args.size()));
    }
}

bool rewrite_all(ngx_http_request_t* r, const PathTokens& found,
                 std::string_view token)
{
    const std::string_view uri = view(r->uri);
    std::string_view before;
    std::string_view after;

    auto* clean =
        static_cast<char*>(ngx_pnalloc(r->pool, found.clean_length(uri)));
    auto* masked =
        static_cast<char*>(ngx_pnalloc(r->pool, found.masked_length(uri)));
    if (clean == nullptr || masked == nullptr || !line_ends(r, before, after)) {
        return false;
    }

    const std::size_t clean_len = write_clean(uri, found, clean);
    const std::size_t masked_len = write_masked(uri, found, masked);
    mask_whole_tokens({clean, clean_len}, token);
    mask_whole_tokens({masked, masked_len}, token);
    mask_arguments(bytes(r->args), token);

    ngx_str_t line;
    ngx_str_t unparsed;
    if (!join_line(r, before, {masked, masked_len}, after, line) ||
        !join_line(r, "", {clean, clean_len}, "", unparsed)) {
        return false;
    }

    // The old bytes. The arguments stay where they are: they are masked, and
    // r->args_start points there. The method does too.
    u_char* args = r->args.len != 0 ? r->args.data : r->uri_end;
    overwrite(r->uri_start, args);
    if (uri_in_line(r) != r->uri_start) {
        overwrite(r->request_line.data,
                  r->request_line.data + r->request_line.len);
    }
    if (r->uri.data < r->uri_start || r->uri.data >= r->uri_end) {
        overwrite(r->uri.data, r->uri.data + r->uri.len);
    }

    r->request_line = line;
    r->unparsed_uri = unparsed;
    r->uri = to_ngx({clean, clean_len});
    r->valid_unparsed_uri = 0;
    ngx_http_set_exten(r);
    return true;
}

/// Whether the raw bytes show a token that r->uri does not have at its
/// place: in the query, deeper in the path, before a "..", or for a host.
bool leaks_elsewhere(ngx_http_request_t* r)
{
    if (has_whole_token(view(r->request_line))) {
        return true;
    }
    if (r->complex_uri == 0 && r->quoted_uri == 0) {
        return false;
    }

    // Masked in place: the raw bytes are rewritten anyway when it tells.
    const auto path = static_cast<std::size_t>(
        (r->args.len != 0 ? r->args.data : r->uri_end) - r->uri_start);
    return mask_token_url({reinterpret_cast<char*>(r->uri_start), path}) != 0;
}

/// Ends a request whose URI cannot be cleaned, with nothing left to see.
ngx_int_t refuse(ngx_http_request_t* r, ngx_int_t status)
{
    mask_raw_line(r);
    mask_token_url(bytes(r->uri));
    return status;
}

ngx_int_t take_path(ngx_http_request_t* r, Request* request)
{
    const ServerConf* conf = server_conf(r);
    const PathTokens found =
        find_path_tokens(view(r->uri), bases_of(conf), carriers_of(conf),
                         format_of(conf), request->claim);

    if (found.empty_segment) {
        return refuse(r, NGX_HTTP_BAD_REQUEST);
    }
    if (found.count == 0 && !leaks_elsewhere(r)) {
        return NGX_DECLINED;
    }
    if (!keep_token(request, view(r->uri), found)) {
        return refuse(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    // A token of our own shape is found wherever it is; one of another
    // issuer only by its text.
    const std::string_view token = request->claim.token();

    if (can_move_over(r, found, token)) {
        move_over(r, found.cuts[0].len);

    } else if (!rewrite_all(r, found, token)) {
        return refuse(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
    return found.nothing_behind ? NGX_HTTP_NOT_FOUND : NGX_DECLINED;
}

} // namespace

bool canonicalize_uri(ngx_http_request_t* r)
{
    ngx_str_t unparsed;

    if (r->valid_unparsed_uri == 0 ||
        (r->complex_uri == 0 && r->quoted_uri == 0)) {
        return true;
    }
    if (!join_line(r, "", view(r->uri), "", unparsed)) {
        return false;
    }
    r->unparsed_uri = unparsed;
    r->valid_unparsed_uri = 0;
    return true;
}

void mask_unseen(ngx_http_request_t* r) noexcept
{
    mask_raw_line(r);
    mask_token_url(bytes(r->uri));
    mask_referer(r, {});
}

ngx_int_t take_handler(ngx_http_request_t* r)
{
    const ServerConf* conf = server_conf(r);

    if (conf->takes == 0 || r != r->main) {
        return NGX_DECLINED;
    }

    if (find_request(r) != nullptr) {
        return NGX_DECLINED; // an internal redirect
    }

    Request* request = create_request(r);
    if (request == nullptr) {
        mask_raw_line(r);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    // The first time we see it nginx is already showing its error page: the
    // URI is the page's, the raw line the client's.
    if (r->internal) {
        mask_raw_line(r);
        mask_referer(r, {});
        return NGX_DECLINED;
    }
    if (r->http_version == NGX_HTTP_VERSION_9) {
        // It has no status line to say 401 in.
        return refuse(r, NGX_HTTP_BAD_REQUEST);
    }

    const ngx_int_t rc = take_path(r, request);
    mask_referer(r, request->claim.token());
    return rc;
}

} // namespace psm::edge
