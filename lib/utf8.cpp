// SPDX-License-Identifier: BSD-2-Clause

#include "utf8.hpp"

#include <algorithm>

namespace psm {

namespace {

/// The row of Unicode's table 3-7 for a first byte: how long the character is,
/// and between which the second byte must be. That one tells overlong forms,
/// surrogates and what lies beyond the last character.
struct Row {
    std::size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;
};

constexpr Row row_of(unsigned first) noexcept
{
    if (first < 0x80) {
        return {.length = 1};
    }
    if (first < 0xc2 || first > 0xf4) {
        return {};
    }
    if (first < 0xe0) {
        return {.length = 2};
    }
    if (first < 0xf0) {
        return {.length = 3,
                .low = first == 0xe0 ? 0xa0U : 0x80U,
                .high = first == 0xed ? 0x9fU : 0xbfU};
    }
    return {.length = 4,
            .low = first == 0xf0 ? 0x90U : 0x80U,
            .high = first == 0xf4 ? 0x8fU : 0xbfU};
}

} // namespace

std::size_t utf8_length(std::string_view text) noexcept
{
    const auto byte = [text](std::size_t at) -> unsigned {
        return static_cast<unsigned char>(text[at]);
    };
    const Row row = text.empty() ? Row{} : row_of(byte(0));
    if (row.length > text.size()) {
        return 0;
    }
    for (std::size_t at = 1; at < row.length; at++) {
        const bool second = at == 1;
        if (byte(at) < (second ? row.low : 0x80) ||
            byte(at) > (second ? row.high : 0xbf)) {
            return 0;
        }
    }
    return row.length;
}

bool is_utf8(std::string_view text) noexcept
{
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

std::size_t count_characters(std::string_view text) noexcept
{
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

void append_utf8(std::string& out, char32_t code)
{
    const auto put = [&out](char32_t byte) {
        out.push_back(static_cast<char>(byte));
    };
    const auto tail = [&](unsigned shift) {
        put(0x80U | ((code >> shift) & 0x3fU));
    };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0U | (code >> 6U));
        tail(0);
    } else if (code < 0x10000) {
        put(0xe0U | (code >> 12U));
        tail(6);
        tail(0);
    } else {
        put(0xf0U | (code >> 18U));
        tail(12);
        tail(6);
        tail(0);
    }
}

} // namespace psm
