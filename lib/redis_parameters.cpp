// SPDX-License-Identifier: BSD-2-Clause

#include "redis_parameters.hpp"

#include "redis_address.hpp"

#include <algorithm>
#include <array>

namespace psm {

namespace {

constexpr std::size_t max_prefix_length = 64;
constexpr std::uint32_t max_timeout_ms = 60000;

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

using Text = std::string RedisAddress::*;
using Time = std::uint32_t RedisAddress::*;
using Switch = bool RedisAddress::*;

struct Parameter {
    std::string_view name;
    RedisProblem (*set)(std::string_view name, std::string_view value,
                        RedisAddress& out);
};

RedisProblem bad(std::string_view name, std::string_view value,
                 std::string_view remedy)
{
    return "bad " + std::string(name) + "=" + std::string(value) + ": " +
           std::string(remedy);
}

template <Text member>
RedisProblem set_user(std::string_view name, std::string_view value,
                      RedisAddress& out)
{
    if (!is_redis_user(value)) {
        // Not shown: it may be a password that was put here.
        return bad(name, "", "use letters, digits and . _ + -");
    }
    out.*member = value;
    return std::nullopt;
}

template <Text member>
RedisProblem set_file(std::string_view /*name*/, std::string_view value,
                      RedisAddress& out)
{
    out.*member = value;
    return std::nullopt;
}

template <Time member>
RedisProblem set_time(std::string_view name, std::string_view value,
                      RedisAddress& out)
{
    return parse_time_ms(value, out.*member)
               ? std::nullopt
               : bad(name, value,
                     "write a time from 1ms to 60s, as in 250ms or 2s");
}

/// TLS can be asked for; leaving the word out is how it is not.
template <Switch member>
RedisProblem set_on(std::string_view name, std::string_view value,
                    RedisAddress& out)
{
    if (value != "on") {
        return bad(name, value,
                   "write " + std::string(name) + "=on or leave it out");
    }
    out.*member = true;
    return std::nullopt;
}

RedisProblem set_database(std::string_view name, std::string_view value,
                          RedisAddress& out)
{
    return parse_number(value, 0, max_redis_database, out.database)
               ? std::nullopt
               : bad(name, value,
                     "write the number of the database, as in db=1");
}

RedisProblem set_prefix(std::string_view name, std::string_view value,
                        RedisAddress& out)
{
    if (value.size() > max_prefix_length || !has_only(value, "._:-")) {
        return bad(name, value, "use 1 to 64 letters, digits and . _ : -");
    }
    out.prefix = value;
    return std::nullopt;
}

RedisProblem set_tls_name(std::string_view name, std::string_view value,
                          RedisAddress& out)
{
    if (value.size() > max_host_length || !has_only(value, ".-_:")) {
        return bad(name, value,
                   "write the host name or the address that stands in Redis's "
                   "certificate");
    }
    out.tls_name = value;
    return std::nullopt;
}

RedisProblem set_tracking(std::string_view name, std::string_view value,
                          RedisAddress& out)
{
    if (value != "on" && value != "off") {
        return bad(name, value, "write tracking=on or tracking=off");
    }
    out.tracking = value == "on";
    return std::nullopt;
}

constexpr std::array<Parameter, 15> parameters{{
    {"user", set_user<&RedisAddress::user>},
    {"db", set_database},
    {"password_file", set_file<&RedisAddress::password_file>},
    {"prefix", set_prefix},
    {"connect_timeout", set_time<&RedisAddress::connect_timeout_ms>},
    {"timeout", set_time<&RedisAddress::timeout_ms>},
    {"tls", set_on<&RedisAddress::tls>},
    {"ca", set_file<&RedisAddress::ca>},
    {"cert", set_file<&RedisAddress::cert>},
    {"key", set_file<&RedisAddress::key>},
    {"name", set_tls_name},
    {"tracking", set_tracking},
    {"sentinel_user", set_user<&RedisAddress::sentinel_user>},
    {"sentinel_password_file", set_file<&RedisAddress::sentinel_password_file>},
    {"sentinel_tls", set_on<&RedisAddress::sentinel_tls>},
}};

std::uint32_t bit_of(const Parameter* parameter) noexcept
{
    return std::uint32_t{1} << (parameter - parameters.data());
}

const Parameter* find(std::string_view name) noexcept
{
    const auto* const found =
        std::find_if(parameters.begin(), parameters.end(),
                     [=](const Parameter& p) { return p.name == name; });
    return found == parameters.end() ? nullptr : &*found;
}

RedisProblem unknown(std::string_view name)
{
    std::string known;
    for (const Parameter& parameter : parameters) {
        known += " " + std::string(parameter.name) + "=";
    }
    return "unknown parameter " + show_redis_word(name) + ": known are" + known;
}

RedisProblem parse_parameter(std::string_view word, std::uint32_t& given,
                             RedisAddress& out)
{
    const std::size_t equals = word.find('=');
    const std::string name(word.substr(0, equals));
    if (name == "password" || name == "pass" || name == "auth" ||
        name == "sentinel_password") {
        return name + "= is not taken: " + std::string(password_in_a_file);
    }
    const Parameter* const parameter = find(name);
    if (parameter == nullptr || equals == std::string_view::npos) {
        return unknown(name);
    }
    if ((given & bit_of(parameter)) != 0) {
        return name + "= is given twice: keep one of them";
    }
    given |= bit_of(parameter);
    const std::string_view value = word.substr(equals + 1);
    if (value.empty()) {
        return name + "= has no value: give one or leave it out";
    }
    return parameter->set(name, value, out);
}

} // namespace

bool GivenParameters::has(std::string_view name) const noexcept
{
    const Parameter* const parameter = find(name);
    return parameter != nullptr && (bits_ & bit_of(parameter)) != 0;
}

RedisProblem parse_redis_parameters(std::span<const std::string_view> words,
                                    RedisAddress& out, GivenParameters& given)
{
    for (const std::string_view word : words) {
        if (auto problem = parse_parameter(word, given.bits_, out)) {
            return problem;
        }
    }
    return std::nullopt;
}

} // namespace psm
