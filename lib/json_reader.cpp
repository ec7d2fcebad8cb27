// SPDX-License-Identifier: BSD-2-Clause
//
// peek() gives NUL at the end of the text: JSON has no place for that byte, so
// it never needs a case of its own.

#include "json_reader.hpp"

#include "text.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace psm {

namespace {

/// Of this many digits without exponent each number is finite.
constexpr std::size_t always_finite = 300;

/// The bytes that stand for themselves in a string: ASCII but for control
/// characters, quote and backslash.
constexpr auto plain = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0x20; c < 0x80; c++) {
        table[c] = c != '"' && c != '\\';
    }
    return table;
}();

constexpr unsigned char byte_of(char c) noexcept
{
    return static_cast<unsigned char>(c);
}

} // namespace

void JsonReader::skip_blanks() noexcept
{
    while (at_ != end_ &&
           (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) {
        at_++;
    }
}

bool JsonReader::take(char c) noexcept
{
    if (peek() != c) {
        return false;
    }
    at_++;
    return true;
}

JsonEvent JsonReader::next()
{
    skip_blanks();
    switch (state_) {
    case State::colon:
        if (!take(':')) {
            return JsonEvent::error;
        }
        skip_blanks();
        return value();
    case State::comma:
        if (depth_ == 0) {
            return at_ == end_ ? JsonEvent::end : JsonEvent::error;
        }
        if (!take(',')) {
            return close(peek());
        }
        skip_blanks();
        return (objects_ & 1U) != 0 ? key() : value();
    case State::first_key:
        return peek() == '}' ? close('}') : key();
    case State::first_item:
        return peek() == ']' ? close(']') : value();
    case State::value:
        break;
    }
    return value();
}

JsonEvent JsonReader::value()
{
    state_ = State::comma;
    switch (peek()) {
    case '"':
        return string() ? JsonEvent::text : JsonEvent::error;
    case '{':
        return open(true);
    case '[':
        return open(false);
    case 't':
        flag_ = true;
        return word("true", JsonEvent::flag);
    case 'f':
        flag_ = false;
        return word("false", JsonEvent::flag);
    case 'n':
        return word("null", JsonEvent::null);
    default:
        return numeral();
    }
}

JsonEvent JsonReader::key()
{
    state_ = State::colon;
    return string() ? JsonEvent::key : JsonEvent::error;
}

JsonEvent JsonReader::open(bool is_object) noexcept
{
    if (depth_ == max_depth) {
        return JsonEvent::error;
    }
    at_++;
    depth_++;
    objects_ = objects_ << 1U | (is_object ? 1U : 0U);
    state_ = is_object ? State::first_key : State::first_item;
    return is_object ? JsonEvent::open_object : JsonEvent::open_array;
}

JsonEvent JsonReader::close(char bracket) noexcept
{
    const bool is_object = (objects_ & 1U) != 0;
    if (bracket != (is_object ? '}' : ']')) {
        return JsonEvent::error;
    }
    at_++;
    depth_--;
    objects_ >>= 1U;
    state_ = State::comma;
    return is_object ? JsonEvent::close_object : JsonEvent::close_array;
}

JsonEvent JsonReader::word(std::string_view word, JsonEvent event) noexcept
{
    if (!std::string_view(at_, end_).starts_with(word)) {
        return JsonEvent::error;
    }
    at_ += word.size();
    return event;
}

bool JsonReader::digits() noexcept
{
    const char* const start = at_;
    while (is_digit(peek())) {
        at_++;
    }
    return at_ != start;
}

JsonEvent JsonReader::numeral()
{
    const char* const start = at_;
    bool is_natural = !take('-');
    bool is_finite = true;
    if (!take('0') && !digits()) {
        return JsonEvent::error;
    }
    if (take('.')) {
        is_natural = false;
        if (!digits()) {
            return JsonEvent::error;
        }
    }
    if (take('e') || take('E')) {
        is_natural = is_finite = false;
        if (!take('+')) {
            take('-');
        }
        if (!digits()) {
            return JsonEvent::error;
        }
    }

    number_.reset();
    std::uint64_t number = 0;
    if (is_natural && std::from_chars(start, at_, number).ec == std::errc{}) {
        number_ = number;
        return JsonEvent::number;
    }
    const std::string_view text(start, at_);
    if (!is_finite || text.size() > always_finite) {
        is_finite =
            std::isfinite(std::strtod(std::string(text).c_str(), nullptr));
    }
    return is_finite ? JsonEvent::number : JsonEvent::error;
}

/// Copies what was passed over only when an escape makes it necessary.
bool JsonReader::string()
{
    if (!take('"')) {
        return false;
    }
    const char* start = at_;
    bool is_copied = false;
    for (;;) {
        at_ = std::find_if_not(at_, end_,
                               [](char c) { return plain[byte_of(c)]; });
        if (peek() == '"') {
            break;
        }
        if (peek() != '\\') {
            if (!character()) {
                return false;
            }
            continue;
        }
        if (!is_copied) {
            unescaped_.clear();
            is_copied = true;
        }
        unescaped_.append(start, at_);
        if (!escape()) {
            return false;
        }
        start = at_;
    }
    text_ = {start, at_};
    at_++;
    if (is_copied) {
        text_ = unescaped_.append(text_);
    }
    return true;
}

/// One beyond ASCII: what else comes here may not be in a string.
bool JsonReader::character() noexcept
{
    if (byte_of(peek()) < 0x80) {
        return false;
    }
    const std::size_t length = utf8_length({at_, end_});
    at_ += length;
    return length > 0;
}

bool JsonReader::escape()
{
    static constexpr std::string_view names = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";

    at_++;
    if (!take('u')) {
        const std::size_t found = names.find(peek());
        if (found == std::string_view::npos) {
            return false;
        }
        at_++;
        unescaped_.push_back(meanings[found]);
        return true;
    }

    auto code = code_unit();
    if (!code || (*code >= 0xdc00 && *code < 0xe000)) {
        return false;
    }
    if (*code >= 0xd800 && *code < 0xdc00) {
        if (!take('\\') || !take('u')) {
            return false;
        }
        const auto low = code_unit();
        if (!low || *low < 0xdc00 || *low >= 0xe000) {
            return false;
        }
        code = 0x10000 + ((*code - 0xd800) << 10U) + (*low - 0xdc00);
    }
    append_utf8(unescaped_, *code);
    return true;
}

std::optional<char32_t> JsonReader::code_unit() noexcept
{
    char32_t code = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_value(peek());
        if (digit < 0) {
            return std::nullopt;
        }
        at_++;
        code = code << 4U | static_cast<char32_t>(digit);
    }
    return code;
}

} // namespace psm
