// SPDX-License-Identifier: BSD-2-Clause

#include "text.hpp"

#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>

namespace psm {

namespace {

constexpr unsigned char no_digit = 0xff;

/// The value of each base64 character, of both alphabets.
constexpr std::array<unsigned char, 256> base64_values = [] {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "abcdefghijklmnopqrstuvwxyz"
                                        "0123456789+/";
    std::array<unsigned char, 256> values{};
    values.fill(no_digit);
    for (std::size_t i = 0; i < digits.size(); i++) {
        values[static_cast<unsigned char>(digits[i])] =
            static_cast<unsigned char>(i);
    }
    values['-'] = values['+'];
    values['_'] = values['/'];
    return values;
}();

/// The text without its padding; nullopt when the padding is not the one
/// that its length asks for.
std::optional<std::string_view> without_padding(std::string_view text) noexcept
{
    std::string_view digits = text;
    while (!digits.empty() && digits.back() == '=') {
        digits.remove_suffix(1);
    }
    const bool padded = digits.size() != text.size();
    const bool whole = text.size() % 4 == 0 && text.size() - digits.size() <= 2;
    if ((padded && !whole) || digits.size() % 4 == 1) {
        return std::nullopt;
    }
    return digits;
}

} // namespace

void to_hex(std::span<const unsigned char> bytes, std::span<char> out) noexcept
{
    constexpr std::string_view digits = "0123456789abcdef";
    assert(out.size() == bytes.size() * 2);
    for (std::size_t i = 0; i < bytes.size(); i++) {
        out[2 * i] = digits[bytes[i] >> 4U];
        out[2 * i + 1] = digits[bytes[i] & 0xfU];
    }
}

std::optional<std::size_t> decode_base64(std::string_view text,
                                         std::span<char> out) noexcept
{
    const auto digits = without_padding(text);
    if (!digits || digits->size() * 3 / 4 > out.size()) {
        return std::nullopt;
    }
    std::size_t written = 0;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : *digits) {
        const unsigned value = base64_values[static_cast<unsigned char>(c)];
        if (value == no_digit) {
            return std::nullopt;
        }
        bits = (bits << 6U) | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[written++] = static_cast<char>((bits >> held) & 0xffU);
        }
    }
    // Bits left over belong to no byte: an encoder leaves them zero, so that
    // a value has one spelling.
    if ((bits & ((1U << held) - 1U)) != 0) {
        return std::nullopt;
    }
    return written;
}

void wipe(std::span<char> secret) noexcept
{
    if (!secret.empty()) {
        std::memset(secret.data(), 0, secret.size());
        // Whoever reads it next is unknown to the compiler: it must be done.
        __asm__ volatile("" : : "r"(secret.data()) : "memory");
    }
}

} // namespace psm
