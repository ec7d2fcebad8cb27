// SPDX-License-Identifier: BSD-2-Clause
//
// Only an absolute path needs the token: what is relative to the client's own
// URL has it already. A host is this site when scheme, host and port are
// those of the request, or when it turns http into https of the same host.

#include "location.hpp"

#include "../lib/text.hpp"

namespace psm::edge {

namespace {

struct Origin {
    std::string_view scheme;
    std::string_view host;
    std::string_view port;
};

/// "host:port" or "[::1]:port"; without a port, the scheme's own.
Origin read_authority(std::string_view scheme, std::string_view authority)
{
    const std::size_t colon = authority.rfind(':');
    const bool has_port = colon != std::string_view::npos &&
                          authority.find(']', colon) == std::string_view::npos;

    Origin origin;
    origin.scheme = scheme;
    origin.host = has_port ? authority.substr(0, colon) : authority;
    origin.port = has_port ? authority.substr(colon + 1) : std::string_view{};
    if (origin.port.empty()) {
        origin.port = iequals(scheme, "https") ? "443" : "80";
    }
    return origin;
}

bool is_this_site(ngx_http_request_t* r, const Origin& there)
{
    if (r->headers_in.host == nullptr) {
        return false;
    }

    const Origin here =
        read_authority(request_scheme(r), view(r->headers_in.host->value));

    if (!iequals(there.host, here.host)) {
        return false;
    }
    if (iequals(there.scheme, here.scheme)) {
        return there.port == here.port;
    }
    return here.scheme == "http" && iequals(there.scheme, "https");
}

/// Where the path of `location` begins; npos when the token has no business
/// there.
std::size_t path_of(ngx_http_request_t* r, std::string_view location)
{
    constexpr std::size_t nowhere = std::string_view::npos;

    if (location.starts_with('/') && !location.starts_with("//")) {
        return 0;
    }

    std::string_view scheme = request_scheme(r);
    std::size_t start = 2;
    if (!location.starts_with("//")) {
        const std::size_t end = location.find("://");
        if (end == nowhere || location.find_first_of("/?#") < end) {
            return nowhere;
        }
        scheme = location.substr(0, end);
        start = end + 3;
    }

    // A backslash or a user name in front of the host is somebody's trick:
    // browsers and we might read another host.
    const std::size_t path = location.find_first_of("/?#\\@", start);
    if (path == nowhere || location[path] != '/') {
        return nowhere;
    }
    const std::string_view authority = location.substr(start, path - start);
    return is_this_site(r, read_authority(scheme, authority)) ? path : nowhere;
}

} // namespace

std::string_view request_scheme(ngx_http_request_t* r)
{
#if (NGX_HTTP_SSL)
    if (r->connection->ssl != nullptr) {
        return "https";
    }
#endif
    return "http";
}

bool restore_token(const Request* request, ngx_str_t& location)
{
    const std::string_view before = request->put_back_behind;
    const std::string_view text = view(location);
    const std::size_t path = path_of(request->r, text);

    if (path == std::string_view::npos ||
        !text.substr(path).starts_with(before)) {
        return true;
    }

    const std::size_t at = path + before.size();
    const std::string_view rest = text.substr(at);
    if (!rest.starts_with('/') || rest.starts_with("/t/")) {
        return true;
    }

    constexpr std::string_view pair = "/t/";
    const std::size_t len = text.size() + pair.size() + request->token_len;
    auto* p = static_cast<u_char*>(ngx_pnalloc(request->r->pool, len));
    if (p == nullptr) {
        return false;
    }

    location = {len, p};
    p = ngx_cpymem(p, text.data(), at);
    p = ngx_cpymem(p, pair.data(), pair.size());
    p = ngx_cpymem(p, request->token, request->token_len);
    ngx_memcpy(p, rest.data(), rest.size());
    return true;
}

} // namespace psm::edge
