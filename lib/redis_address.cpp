// SPDX-License-Identifier: BSD-2-Clause
//
// Messages name the word that is wrong, but never what may hold a password:
// of a URI with an `@` they show only what follows it, of a parameter only
// its name.

#include "redis_address.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace psm {

namespace {

using Problem = std::optional<std::string>;

constexpr int max_database = 65535;
constexpr std::size_t max_prefix_length = 64;
constexpr std::size_t max_socket_path = 107; // sun_path without its zero
constexpr std::size_t max_host_length = 253;
constexpr std::uint32_t max_timeout_ms = 60000;

constexpr std::string_view in_a_file =
    "a password must not stand here, where logs and process lists show it: "
    "put it into a file and give password_file=/path";

/// A word as it may be shown: nothing before an `@` or behind a `=`.
std::string shown(std::string_view word)
{
    std::string text = "\"";
    if (const std::size_t at = word.rfind('@'); at != std::string_view::npos) {
        text += "...";
        word.remove_prefix(at);
    }
    const std::size_t equals = word.find('=');
    text += word.substr(0, equals);
    return text + (equals != std::string_view::npos ? "=...\"" : "\"");
}

bool has_only(std::string_view text, std::string_view punctuation)
{
    return std::all_of(text.begin(), text.end(), [=](char c) {
        return is_alnum(c) || punctuation.find(c) != std::string_view::npos;
    });
}

/// Digits only, within [low, high].
template <class Number>
bool parse_number(std::string_view text, Number low, Number high, Number& out)
{
    Number value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || !is_digit(text.front()) || error != std::errc() ||
        stop != end || value < low || value > high) {
        return false;
    }
    out = value;
    return true;
}

/// nginx's notation: "250ms", "2s", "1m"; a number alone means seconds.
bool parse_time_ms(std::string_view text, std::uint32_t& out)
{
    std::uint32_t unit = 1000;
    if (text.ends_with("ms")) {
        unit = 1;
        text.remove_suffix(2);
    } else if (text.ends_with('s')) {
        text.remove_suffix(1);
    } else if (text.ends_with('m')) {
        unit = 60000;
        text.remove_suffix(1);
    }
    std::uint32_t value = 0;
    if (!parse_number(text, std::uint32_t{1}, max_timeout_ms / unit, value)) {
        return false;
    }
    out = value * unit;
    return true;
}

Problem parse_socket(std::string_view path, std::string_view uri,
                     RedisAddress& out)
{
    if (!path.starts_with('/') || path.size() > max_socket_path) {
        return shown(uri) + " is no socket: write unix:/path with an absolute "
                            "path of at most 107 characters";
    }
    out.host.clear();
    out.socket_path = path;
    return std::nullopt;
}

/// "host", "host:port", "[v6]", "[v6]:port".
Problem parse_host(std::string_view text, std::string_view uri,
                   RedisAddress& out)
{
    std::string_view host = text;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return shown(uri) + " lacks the ] of its IPv6 address";
        }
        host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (!port.empty() && port.front() != ':') {
            return shown(uri) + " has text behind the ] of its IPv6 address";
        }
        if (host.empty() || !has_only(host, ":.%")) {
            return shown(uri) + " has no IPv6 address between [ and ]";
        }
        has_port = !port.empty();
    } else {
        const std::size_t colon = text.find(':');
        host = text.substr(0, colon);
        has_port = colon != std::string_view::npos;
        port = has_port ? text.substr(colon) : std::string_view();
        if (host.empty() || host.size() > max_host_length ||
            !has_only(host, ".-_")) {
            return shown(uri) + " names no host: write redis://HOST:PORT, an "
                                "IPv6 address as [ADDRESS]";
        }
    }
    out.socket_path.clear();
    out.host = host;
    if (has_port &&
        !parse_number<std::uint16_t>(port.substr(1), 1, 65535, out.port)) {
        return shown(uri) +
               " has a bad port: write 1 to 65535 behind the colon";
    }
    return std::nullopt;
}

/// What a URI may say that a parameter says too.
struct FromUri {
    std::string user;
    std::optional<int> database;
};

Problem parse_redis_uri(std::string_view uri, std::string_view rest,
                        FromUri& said, RedisAddress& out)
{
    if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
        const std::string_view user = rest.substr(0, at);
        if (user.find(':') != std::string_view::npos) {
            return std::string(in_a_file);
        }
        if (user.empty() || !has_only(user, "._+-")) {
            return shown(uri) + " has a bad user name before the @: use "
                                "letters, digits and . _ + -";
        }
        said.user = user;
        rest.remove_prefix(at + 1);
    }
    const std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos && slash + 1 < rest.size()) {
        int database = 0;
        if (!parse_number(rest.substr(slash + 1), 0, max_database, database)) {
            return shown(uri) + " has a bad database: write its number behind "
                                "the slash, as in redis://HOST:PORT/1";
        }
        said.database = database;
    }
    return parse_host(rest.substr(0, slash), uri, out);
}

Problem parse_uri(std::string_view uri, FromUri& said, RedisAddress& out)
{
    constexpr std::string_view redis = "redis://";
    constexpr std::string_view socket = "unix:";
    if (uri.starts_with("rediss://") || uri.starts_with("sentinel://")) {
        return std::string(uri.substr(0, uri.find(':'))) +
               ":// is not supported by this build yet: use redis://HOST:PORT "
               "or unix:/path";
    }
    if (uri.starts_with(redis)) {
        return parse_redis_uri(uri, uri.substr(redis.size()), said, out);
    }
    if (uri.starts_with(socket)) {
        return parse_socket(uri.substr(socket.size()), uri, out);
    }
    return shown(uri) + " is no address of Redis: write redis://HOST:PORT or "
                        "unix:/path first";
}

Problem set_user(std::string_view value, RedisAddress& out)
{
    if (!has_only(value, "._+-")) {
        return "bad user=: use letters, digits and . _ + -";
    }
    out.user = value;
    return std::nullopt;
}

Problem set_database(std::string_view value, RedisAddress& out)
{
    if (!parse_number(value, 0, max_database, out.database)) {
        return "bad db=" + std::string(value) +
               ": write the number of the database, as in db=1";
    }
    return std::nullopt;
}

Problem set_password_file(std::string_view value, RedisAddress& out)
{
    out.password_file = value;
    return std::nullopt;
}

Problem set_prefix(std::string_view value, RedisAddress& out)
{
    if (value.size() > max_prefix_length || !has_only(value, "._:-")) {
        return "bad prefix=" + std::string(value) +
               ": use 1 to 64 letters, digits and . _ : -";
    }
    out.prefix = value;
    return std::nullopt;
}

Problem bad_time(std::string_view name, std::string_view value)
{
    return "bad " + std::string(name) + "=" + std::string(value) +
           ": write a time from 1ms to 60s, as in 250ms or 2s";
}

Problem set_connect_timeout(std::string_view value, RedisAddress& out)
{
    return parse_time_ms(value, out.connect_timeout_ms)
               ? std::nullopt
               : bad_time("connect_timeout", value);
}

Problem set_timeout(std::string_view value, RedisAddress& out)
{
    return parse_time_ms(value, out.timeout_ms) ? std::nullopt
                                                : bad_time("timeout", value);
}

Problem set_tracking(std::string_view value, RedisAddress& out)
{
    if (value != "on" && value != "off") {
        return "bad tracking=" + std::string(value) + ": write on or off";
    }
    out.tracking = value == "on";
    return std::nullopt;
}

struct Parameter {
    std::string_view name;
    Problem (*set)(std::string_view value, RedisAddress& out); // null: later
};

constexpr std::array<Parameter, 15> parameters{{
    {"user", set_user},
    {"db", set_database},
    {"password_file", set_password_file},
    {"prefix", set_prefix},
    {"connect_timeout", set_connect_timeout},
    {"timeout", set_timeout},
    {"tls", nullptr},
    {"ca", nullptr},
    {"cert", nullptr},
    {"key", nullptr},
    {"name", nullptr},
    {"tracking", set_tracking},
    {"sentinel_user", nullptr},
    {"sentinel_password_file", nullptr},
    {"sentinel_tls", nullptr},
}};

using Seen = std::array<bool, parameters.size()>;

Problem parse_parameter(std::string_view word, Seen& seen, RedisAddress& out)
{
    const std::size_t equals = word.find('=');
    const std::string name(word.substr(0, equals));
    if (name == "password" || name == "pass" || name == "auth") {
        return name + "= is not taken: " + std::string(in_a_file);
    }
    const auto* const found =
        std::find_if(parameters.begin(), parameters.end(),
                     [&](const Parameter& p) { return p.name == name; });
    if (found == parameters.end() || equals == std::string_view::npos) {
        return "unknown parameter " + shown(name) +
               ": known are user= db= password_file= prefix= "
               "connect_timeout= timeout=";
    }
    if (found->set == nullptr) {
        return name + "= is not supported by this build yet: leave it out";
    }
    bool& given = seen[static_cast<std::size_t>(found - parameters.begin())];
    if (given) {
        return name + "= is given twice: keep one of them";
    }
    given = true;
    const std::string_view value = word.substr(equals + 1);
    if (value.empty()) {
        return name + "= has no value: give one or leave it out";
    }
    return found->set(value, out);
}

} // namespace

Problem parse_redis_address(std::span<const std::string_view> words,
                            RedisAddress& out)
{
    if (words.empty()) {
        return "the address of Redis is empty: write redis://HOST:PORT or "
               "unix:/path";
    }
    FromUri said;
    if (auto problem = parse_uri(words.front(), said, out)) {
        return problem;
    }
    Seen seen{};
    for (const std::string_view word : words.subspan(1)) {
        if (auto problem = parse_parameter(word, seen, out)) {
            return problem;
        }
    }

    constexpr std::size_t user = 0;     // \ their places in the table
    constexpr std::size_t database = 1; // /
    if (seen[user] && !said.user.empty() && said.user != out.user) {
        return "user= and the user in the URI differ: keep one of them";
    }
    if (seen[database] && said.database && *said.database != out.database) {
        return "db= and the database in the URI differ: keep one of them";
    }
    if (!said.user.empty()) {
        out.user = said.user;
    }
    out.database = said.database.value_or(out.database);
    return std::nullopt;
}

Problem parse_redis_address(std::string_view text, RedisAddress& out)
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
