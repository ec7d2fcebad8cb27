// SPDX-License-Identifier: BSD-2-Clause
//
// What the URI and the parameters say together. Messages name the word that
// is wrong, but never what may hold a password: of a URI with an `@` they
// show only what follows it, of an unknown parameter only its name.

#include "redis_address.hpp"

#include "redis_parameters.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace psm {

namespace {

/// What both may say must be the same.
RedisProblem merge(RedisUri& uri, const GivenParameters& given,
                   RedisAddress& out)
{
    if (given.has("user") && !uri.user.empty() && uri.user != out.user) {
        return "user= and the user in the URI differ: keep one of them";
    }
    if (given.has("db") && uri.database && *uri.database != out.database) {
        return "db= and the database in the URI differ: keep one of them";
    }
    if (out.tls && !uri.socket_path.empty()) {
        return "tls= does not go with unix:, where nobody listens in: leave it "
               "out";
    }
    out.host = std::move(uri.redis.host);
    out.port = uri.redis.port != 0 ? uri.redis.port : default_redis_port;
    out.socket_path = std::move(uri.socket_path);
    out.sentinels = std::move(uri.sentinels);
    out.master_name = std::move(uri.master_name);
    out.tls = out.tls || uri.tls;
    if (!uri.user.empty()) {
        out.user = std::move(uri.user);
    }
    out.database = uri.database.value_or(out.database);
    return std::nullopt;
}

RedisProblem check_tls(const GivenParameters& given, const RedisAddress& out)
{
    constexpr std::array<std::string_view, 3> of_both{"ca", "cert", "key"};
    for (const std::string_view name : of_both) {
        if (given.has(name) && !out.tls && !out.sentinel_tls) {
            return std::string(name) +
                   "= counts for TLS only: write rediss:// or tls=on, or leave "
                   "it out";
        }
    }
    if (given.has("name") && !out.tls) {
        return "name= counts for TLS to Redis only: write rediss:// or tls=on, "
               "or leave it out";
    }
    if (given.has("cert") != given.has("key")) {
        return std::string(given.has("cert") ? "cert= lacks its key="
                                             : "key= lacks its cert=") +
               ": give both or none";
    }
    return std::nullopt;
}

RedisProblem check_sentinels(const GivenParameters& given,
                             const RedisAddress& out)
{
    constexpr std::array<std::string_view, 3> names{
        "sentinel_user", "sentinel_password_file", "sentinel_tls"};
    for (const std::string_view name : names) {
        if (given.has(name) && out.sentinels.empty()) {
            return std::string(name) +
                   "= counts for sentinel:// only: leave it out, or write "
                   "sentinel://HOST:PORT,HOST:PORT/NAME";
        }
    }
    if (given.has("sentinel_user") && out.sentinel_password_file.empty()) {
        return "sentinel_user= lacks its password: give "
               "sentinel_password_file=/path";
    }
    return std::nullopt;
}

} // namespace

RedisProblem parse_redis_address(std::span<const std::string_view> words,
                                 RedisAddress& out)
{
    if (words.empty()) {
        return "the address of Redis is empty: write redis://HOST:PORT or "
               "unix:/path";
    }
    RedisUri uri;
    if (auto problem = parse_redis_uri(words.front(), uri)) {
        return problem;
    }
    GivenParameters given;
    if (auto problem = parse_redis_parameters(words.subspan(1), out, given)) {
        return problem;
    }
    if (auto problem = merge(uri, given, out)) {
        return problem;
    }
    if (auto problem = check_tls(given, out)) {
        return problem;
    }
    return check_sentinels(given, out);
}

RedisProblem parse_redis_address(std::string_view text, RedisAddress& out)
{
    constexpr std::string_view blanks = " \t\r\n";
    std::vector<std::string_view> words;
    for (std::size_t at = text.find_first_not_of(blanks);
         at != std::string_view::npos;
         at = text.find_first_not_of(blanks, at)) {
        const std::size_t end =
            std::min(text.find_first_of(blanks, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return parse_redis_address(words, out);
}

} // namespace psm
