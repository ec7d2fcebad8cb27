// SPDX-License-Identifier: BSD-2-Clause

#include "quote.hpp"

#include "mask.hpp"
#include "text.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <cstdint>

namespace psm {

namespace {

constexpr std::size_t max_shown = 64;
constexpr std::string_view ellipsis = "\xe2\x80\xa6";
constexpr std::string_view hidden = "(not shown: it may be a token)";

// Letters and digits without a break: other issuers' tokens have 48 of them,
// an ID at most 12.
constexpr std::size_t secret_run = 32;

/// The character that `text` begins with, whose `length` is known.
char32_t code_of(std::string_view text, std::size_t length)
{
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 1) {
        return first;
    }
    char32_t code = first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; i++) {
        code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
    }
    return code;
}

/// C0, DEL and C1, and the marks that turn the direction of the text.
bool steers_terminal(char32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
           (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/// Takes one character, or one byte that is none, off the front of `text`.
std::string take_escaped(std::string_view& text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    const std::size_t length = utf8_length(text);
    std::string safe;
    if (length == 0 || steers_terminal(code_of(text, length))) {
        const auto byte = static_cast<unsigned char>(text.front());
        safe = {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
        text.remove_prefix(1);
    } else {
        safe = text.substr(0, length);
        text.remove_prefix(length);
    }
    return safe;
}

bool may_be_token(std::string_view text)
{
    std::size_t run = 0;
    for (const char c : text) {
        run = is_alnum(c) ? run + 1 : 0;
        if (run == secret_run) {
            return true;
        }
    }
    return has_token_text(text);
}

} // namespace

std::string escape(std::string_view text)
{
    std::string safe;
    while (!text.empty()) {
        safe += take_escaped(text);
    }
    return safe;
}

std::string excerpt(std::string_view text)
{
    if (may_be_token(text)) {
        return std::string(hidden);
    }
    std::string safe;
    for (std::size_t shown = 0; !text.empty();) {
        const std::string next = take_escaped(text);
        shown += count_characters(next);
        if (shown > max_shown) {
            return safe.append(ellipsis);
        }
        safe += next;
    }
    return safe;
}

std::string in_quotes(std::string_view text)
{
    const std::string shown = excerpt(text);
    return shown == hidden ? shown : "\"" + shown + "\"";
}

std::string escape_json(std::string json)
{
    constexpr char last_plain = 0x7e;
    const auto is_plain = [](char c) { return c >= 0 && c <= last_plain; };
    if (std::ranges::all_of(json, is_plain)) {
        return json;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string safe;
    safe.reserve(json.size());
    for (std::string_view rest = json; !rest.empty();) {
        const std::size_t length = std::max<std::size_t>(utf8_length(rest), 1);
        const char32_t code = code_of(rest, length);
        if (!is_plain(rest.front()) && steers_terminal(code)) {
            safe += "\\u";
            for (unsigned shift = 16; shift > 0; shift -= 4) {
                safe += digits[code >> (shift - 4) & 15U];
            }
        } else {
            safe += rest.substr(0, length);
        }
        rest.remove_prefix(length);
    }
    return safe;
}

} // namespace psm
