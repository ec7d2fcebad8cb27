// SPDX-License-Identifier: BSD-2-Clause
//
// One word of an address of Redis: how it may be shown in a message, and the
// checks that the URI and the parameters share. Nothing here keeps a view.

#pragma once

#include "text.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace psm {

/// What is wrong, naming the word and the remedy; none: all is well.
using RedisProblem = std::optional<std::string>;

/// Why a password is refused, wherever it stands.
inline constexpr std::string_view password_in_a_file =
    "a password must not stand here, where logs and process lists show it: "
    "put it into a file and give password_file=/path";

inline constexpr int max_redis_database = 65535;
inline constexpr std::size_t max_host_length = 253;

/// The word in quotes, without what may be a password: nothing before an `@`
/// or behind a `=`.
[[nodiscard]] std::string show_redis_word(std::string_view word);

/// Letters, digits and these.
[[nodiscard]] bool has_only(std::string_view text,
                            std::string_view punctuation) noexcept;

[[nodiscard]] inline bool is_redis_user(std::string_view text) noexcept
{
    return !text.empty() && has_only(text, "._+-");
}

/// Digits only, within [low, high].
template <class Number>
[[nodiscard]] bool parse_number(std::string_view text, Number low, Number high,
                                Number& out) noexcept
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

} // namespace psm
