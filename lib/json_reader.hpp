// SPDX-License-Identifier: BSD-2-Clause
//
// A JSON text (RFC 8259), read strictly, one event after the other: nothing is
// built, so that repeated keys are seen and what is not wanted costs nothing.
//
//     JsonReader reader(json);
//     while (true) switch (reader.next()) { ... }
//
// Records are read on the way of every cache miss, and the library that writes
// them made half the cost of one. RapidJSON, the other one at hand, takes half
// a surrogate pair and goes on where there is no memory.
//
// The text must outlive the reader. Does not recurse. Only std::bad_alloc is
// thrown.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace psm {

enum class JsonEvent : std::uint8_t {
    end,   // of the text: it was one value, and nothing behind it
    error, // not JSON, or nested too deeply: no further event may be asked for
    null,
    flag,
    number,
    text,
    key, // of the value that comes next
    open_object,
    close_object,
    open_array,
    close_array,
};

class JsonReader {
public:
    /// How many objects and arrays may be open.
    static constexpr std::size_t max_depth = 64;

    explicit JsonReader(std::string_view json) noexcept
        : at_(json.data()), end_(at_ + json.size())
    {
    }

    [[nodiscard]] JsonEvent next();

    /// How much of the text has been read: up to the end of the last event, or
    /// to where the error is.
    [[nodiscard]] const char* at() const noexcept { return at_; }

    /// Of a flag.
    [[nodiscard]] bool flag() const noexcept { return flag_; }

    /// Of a number; nullopt when it has a sign, a fraction or an exponent, or
    /// is too large. What no double can hold is an error, not a number.
    [[nodiscard]] std::optional<std::uint64_t> number() const noexcept
    {
        return number_;
    }

    /// Of a text or key: valid UTF-8, without its escapes. Valid until next().
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

private:
    /// What may come next.
    enum class State : std::uint8_t {
        value,
        first_item, // or the end of the array
        first_key,  // or the end of the object
        colon,
        comma, // or the end of what is open
    };

    [[nodiscard]] char peek() const noexcept
    {
        return at_ != end_ ? *at_ : '\0';
    }

    void skip_blanks() noexcept;
    bool take(char c) noexcept;
    JsonEvent value();
    JsonEvent key();
    JsonEvent open(bool is_object) noexcept;
    JsonEvent close(char bracket) noexcept;
    JsonEvent word(std::string_view word, JsonEvent event) noexcept;
    JsonEvent numeral();
    bool digits() noexcept;
    bool string();
    bool character() noexcept;
    bool escape();
    std::optional<char32_t> code_unit() noexcept;

    const char* at_;
    const char* end_;
    State state_ = State::value;
    std::size_t depth_ = 0;
    std::uint64_t objects_ = 0; // a bit for each open object or array
    bool flag_ = false;
    std::optional<std::uint64_t> number_;
    std::string_view text_;
    std::string unescaped_; // what text_ shows, if there were escapes
};

} // namespace psm
