// SPDX-License-Identifier: BSD-2-Clause
//
// What the fuzz targets share: an input read from its start, so that a
// mutation in the tail changes the tail only, and properties whose failure
// prints what they were about.
//
//     fuzz::Input input(data, size);
//     const auto format = input.flag() ? TokenFormat::any : TokenFormat::psm;
//     fuzz::hold(out.front() == '/', "begins with a slash", {uri, out});

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace fuzz {

/// An input that is used up keeps giving zeroes and empty texts.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size)
        : bytes_(reinterpret_cast<const char*>(data), size)
    {
    }

    [[nodiscard]] bool empty() const { return bytes_.empty(); }

    std::uint8_t byte()
    {
        if (bytes_.empty()) {
            return 0;
        }
        const auto first = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return first;
    }

    /// A number below `n`, which is 1 to 256.
    std::size_t pick(std::size_t n) { return byte() % n; }

    bool flag() { return (byte() & 1U) != 0; }

    /// An element of an array or vector.
    template <typename Table>
    const auto& of(const Table& table)
    {
        return table[pick(table.size())];
    }

    /// The text up to the next line feed, which is passed over.
    std::string_view line()
    {
        const auto text = bytes_.substr(0, bytes_.find('\n'));
        bytes_.remove_prefix(text.size());
        if (!bytes_.empty()) {
            bytes_.remove_prefix(1);
        }
        return text;
    }

    std::string_view rest()
    {
        const auto all = bytes_;
        bytes_ = {};
        return all;
    }

private:
    std::string_view bytes_;
};

/// Text as it can be read in a terminal.
inline std::string printable(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c >= 0x20 && c <= 0x7e && c != '\\') {
            out += c;
            continue;
        }
        char escaped[5];
        std::snprintf(escaped, sizeof escaped, "\\x%02x",
                      static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += escaped;
    }
    return out;
}

/// Ends the run with the property that did not hold and what it spoke of.
[[noreturn]] inline void broken(std::string_view property,
                                std::initializer_list<std::string_view> about)
{
    const std::string text = printable(property);
    std::fprintf(stderr, "fuzz: not so: %s\n", text.c_str());
    for (const auto part : about) {
        std::fprintf(stderr, "  \"%s\"\n", printable(part).c_str());
    }
    std::abort();
}

inline void hold(bool property, std::string_view what,
                 std::initializer_list<std::string_view> about = {})
{
    if (!property) {
        broken(what, about);
    }
}

inline void same(std::string_view actual, std::string_view expected,
                 std::string_view what,
                 std::initializer_list<std::string_view> about = {})
{
    if (actual == expected) {
        return;
    }
    for (const auto part : about) {
        std::fprintf(stderr, "  about \"%s\"\n", printable(part).c_str());
    }
    broken(what, {"got", actual, "expected", expected});
}

/// One layer of percent-encoding undone; what is none stays as it is.
inline std::string decode_percent(std::string_view text)
{
    const auto digit = [](char c) {
        const auto at =
            std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
        return at == std::string_view::npos ? -1 : static_cast<int>(at % 16);
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool whole = text[i] == '%' && i + 2 < text.size() &&
                           digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
        if (whole) {
            out +=
                static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

} // namespace fuzz
