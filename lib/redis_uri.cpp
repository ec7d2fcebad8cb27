// SPDX-License-Identifier: BSD-2-Clause

#include "redis_uri.hpp"

#include <algorithm>
#include <array>

namespace psm {

namespace {

constexpr std::size_t max_socket_path = 107; // sun_path without its zero
constexpr std::size_t max_master_name = 128;

/// A part of the URI, and the URI for the messages.
struct Part {
    std::string_view text;
    std::string_view uri;

    [[nodiscard]] RedisProblem wrong(std::string_view why) const
    {
        return show_redis_word(uri) + std::string(why);
    }
};

RedisProblem parse_port(const Part& part, std::uint16_t& out)
{
    return parse_number<std::uint16_t>(part.text, 1, 65535, out)
               ? std::nullopt
               : part.wrong(
                     " has a bad port: write 1 to 65535 behind the colon");
}

/// "[v6]", "[v6]:port".
RedisProblem parse_v6(const Part& part, RedisHost& out)
{
    const std::size_t end = part.text.find(']');
    if (end == std::string_view::npos) {
        return part.wrong(" lacks the ] of its IPv6 address");
    }
    const std::string_view host = part.text.substr(1, end - 1);
    const std::string_view port = part.text.substr(end + 1);
    if (!port.empty() && port.front() != ':') {
        return part.wrong(" has text behind the ] of its IPv6 address");
    }
    if (host.empty() || !has_only(host, ":.%")) {
        return part.wrong(" has no IPv6 address between [ and ]");
    }
    out.host = host;
    return port.empty() ? std::nullopt
                        : parse_port({port.substr(1), part.uri}, out.port);
}

/// "host", "host:port" or one of parse_v6(). `example` is how to write it.
RedisProblem parse_host(const Part& part, std::string_view example,
                        RedisHost& out)
{
    if (part.text.starts_with('[')) {
        return parse_v6(part, out);
    }
    const std::size_t colon = part.text.find(':');
    const std::string_view host = part.text.substr(0, colon);
    if (host.empty() || host.size() > max_host_length ||
        !has_only(host, ".-_")) {
        return part.wrong(" names no host: write " + std::string(example) +
                          ", an IPv6 address as [ADDRESS]");
    }
    out.host = host;
    return colon == std::string_view::npos
               ? std::nullopt
               : parse_port({part.text.substr(colon + 1), part.uri}, out.port);
}

/// redis:// and rediss://, of which `example` is the right form.
RedisProblem parse_server(Part part, std::string_view example, RedisUri& out)
{
    if (const std::size_t at = part.text.rfind('@');
        at != std::string_view::npos) {
        const std::string_view user = part.text.substr(0, at);
        if (user.find(':') != std::string_view::npos) {
            return std::string(password_in_a_file);
        }
        if (!is_redis_user(user)) {
            return part.wrong(" has a bad user name before the @: use "
                              "letters, digits and . _ + -");
        }
        out.user = user;
        part.text.remove_prefix(at + 1);
    }
    const std::size_t slash = part.text.find('/');
    if (slash != std::string_view::npos && slash + 1 < part.text.size()) {
        int database = 0;
        if (!parse_number(part.text.substr(slash + 1), 0, max_redis_database,
                          database)) {
            return part.wrong(" has a bad database: write its number behind "
                              "the slash, as in " +
                              std::string(example) + "/1");
        }
        out.database = database;
    }
    out.redis.port = default_redis_port;
    return parse_host({part.text.substr(0, slash), part.uri}, example,
                      out.redis);
}

RedisProblem parse_plain(const Part& part, RedisUri& out)
{
    return parse_server(part, "redis://HOST:PORT", out);
}

RedisProblem parse_tls(const Part& part, RedisUri& out)
{
    out.tls = true;
    return parse_server(part, "rediss://HOST:PORT", out);
}

RedisProblem parse_socket(const Part& part, RedisUri& out)
{
    if (!part.text.starts_with('/') || part.text.size() > max_socket_path) {
        return part.wrong(" is no socket: write unix:/path with an absolute "
                          "path of at most 107 characters");
    }
    out.socket_path = part.text;
    return std::nullopt;
}

RedisProblem parse_sentinel_hosts(Part part, RedisUri& out)
{
    for (bool last = false; !last;) {
        const std::size_t comma = part.text.find(',');
        last = comma == std::string_view::npos;
        RedisHost sentinel{.host = {}, .port = default_sentinel_port};
        if (auto problem =
                parse_host({part.text.substr(0, comma), part.uri},
                           "sentinel://HOST:PORT,HOST:PORT/NAME", sentinel)) {
            return problem;
        }
        if (std::find(out.sentinels.begin(), out.sentinels.end(), sentinel) !=
            out.sentinels.end()) {
            return part.wrong(" names a sentinel twice: keep one of them");
        }
        if (out.sentinels.size() == max_sentinels) {
            return part.wrong(" names more than 16 sentinels: a few suffice, "
                              "the others are found by them");
        }
        out.sentinels.push_back(std::move(sentinel));
        part.text.remove_prefix(last ? part.text.size() : comma + 1);
    }
    return std::nullopt;
}

RedisProblem parse_sentinels(const Part& part, RedisUri& out)
{
    if (const std::size_t at = part.text.rfind('@');
        at != std::string_view::npos) {
        if (part.text.substr(0, at).find(':') != std::string_view::npos) {
            return std::string(password_in_a_file);
        }
        return part.wrong(" has a user before the @: give the one of Redis by "
                          "user=, the one of the sentinels by sentinel_user=");
    }
    const std::size_t slash = part.text.find('/');
    const std::string_view name = slash == std::string_view::npos
                                      ? std::string_view()
                                      : part.text.substr(slash + 1);
    if (name.empty() || name.size() > max_master_name ||
        !has_only(name, "._-")) {
        return part.wrong(
            " names no master: write the name the sentinels know it by "
            "behind a slash, as in sentinel://HOST:PORT,HOST:PORT/NAME");
    }
    out.master_name = name;
    return parse_sentinel_hosts({part.text.substr(0, slash), part.uri}, out);
}

struct Scheme {
    std::string_view start;
    RedisProblem (*parse)(const Part& part, RedisUri& out);
};

constexpr std::array<Scheme, 4> schemes{{
    {"redis://", parse_plain},
    {"rediss://", parse_tls},
    {"sentinel://", parse_sentinels},
    {"unix:", parse_socket},
}};

} // namespace

RedisProblem parse_redis_uri(std::string_view uri, RedisUri& out)
{
    for (const Scheme& scheme : schemes) {
        if (uri.starts_with(scheme.start)) {
            return scheme.parse({uri.substr(scheme.start.size()), uri}, out);
        }
    }
    return show_redis_word(uri) +
           " is no address of Redis: write redis://HOST:PORT, "
           "rediss://HOST:PORT, sentinel://HOST:PORT,HOST:PORT/NAME or "
           "unix:/path first";
}

} // namespace psm
