// SPDX-License-Identifier: BSD-2-Clause
//
// ASCII text without locale: the classes of characters, the comparisons and
// the codecs that the other files of lib share. Nothing here allocates
// unless it returns a std::string; no function keeps a view.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace psm {

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

constexpr bool is_alpha(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr bool is_alnum(char c) noexcept
{
    return is_digit(c) || is_alpha(c);
}

/// Bytes that never stand in a name or a path of ours: C0, DEL.
constexpr bool is_control(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

constexpr char to_lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept
{
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Equal without regard to the case of ASCII letters.
constexpr bool iequals(std::string_view a, std::string_view b) noexcept
{
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.size(); i++) {
        if (to_lower(a[i]) != to_lower(b[i])) {
            return false;
        }
    }
    return true;
}

/// Writes the lower-case hexadecimal form of `bytes`; `out` must hold
/// exactly twice as many characters.
void to_hex(std::span<const unsigned char> bytes, std::span<char> out) noexcept;

/// Decodes standard or URL-safe base64, with or without padding (RFC 4648
/// sections 4 and 5). Returns the number of bytes written; nullopt when the
/// text is not base64 or does not fit `out`. An empty text gives 0.
[[nodiscard]] std::optional<std::size_t>
decode_base64(std::string_view text, std::span<char> out) noexcept;

/// Overwrites memory that held a secret; the compiler may not drop it.
void wipe(std::span<char> secret) noexcept;

} // namespace psm
