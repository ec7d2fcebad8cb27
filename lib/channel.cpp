// SPDX-License-Identifier: BSD-2-Clause

#include "channel.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace psm {

namespace {

struct WordRow {
    std::string_view text;
    Word word = Word::platform;
};

/// The words that mean something in a path and so name no channel, shortest
/// first. They stand in nearly every URL: the test for them is on the hot
/// path, and looks at the words of a segment's own length only.
constexpr std::array<WordRow, 23> words{{
    {"t", Word::t},
    {"zos-z"},
    {"noarch"},
    {"osx-64"},
    {"simple", Word::section},
    {"win-32"},
    {"win-64"},
    {"jupyter", Word::section},
    {"linux-32"},
    {"linux-64"},
    {"osx-arm64"},
    {"win-arm64"},
    {"freebsd-64"},
    {"linux-ppc64"},
    {"linux-s390x"},
    {"wasi-wasm32"},
    {"linux-armv6l"},
    {"linux-armv7l"},
    {"linux-aarch64"},
    {"linux-ppc64le"},
    {"linux-riscv32"},
    {"linux-riscv64"},
    {"emscripten-wasm32"},
}};

constexpr std::size_t longest_word = words.back().text.size();

/// first_of_length[n]: the index of the first word of n or more characters.
constexpr auto first_of_length = [] {
    std::array<std::uint8_t, longest_word + 2> first{};
    for (std::size_t n = 0; n < first.size(); n++) {
        first[n] = static_cast<std::uint8_t>(std::ranges::count_if(
            words, [n](const WordRow& row) { return row.text.size() < n; }));
    }
    return first;
}();
static_assert(std::ranges::is_sorted(words, {}, [](const WordRow& row) {
    return row.text.size();
}));

/// Who may stand in a segment, one byte a character.
constexpr std::array<bool, 256> segment_chars = [] {
    std::array<bool, 256> table{};
    for (std::size_t i = 0; i < table.size(); i++) {
        const char c = static_cast<char>(i);
        table[i] = is_alnum(c) || c == '.' || c == '_' || c == '-';
    }
    return table;
}();

} // namespace

Word find_word(std::string_view segment) noexcept
{
    if (segment.empty() || segment.size() > longest_word) {
        return Word::none;
    }
    const std::size_t end = first_of_length[segment.size() + 1];
    for (std::size_t i = first_of_length[segment.size()]; i < end; i++) {
        const std::string_view text = words[i].text;
        // A call of memcmp costs more than most words need.
        if (text.front() == segment.front() && text.back() == segment.back() &&
            text == segment) {
            return words[i].word;
        }
    }
    return Word::none;
}

bool is_platform(std::string_view segment) noexcept
{
    return find_word(segment) == Word::platform;
}

bool has_name_grammar(std::string_view segment) noexcept
{
    if (segment.empty() || segment.size() > max_segment_length ||
        !is_alnum(segment.front())) {
        return false;
    }
    bool good = true;
    for (const char c : segment) {
        good &= segment_chars[static_cast<unsigned char>(c)];
    }
    return good;
}

bool is_channel_segment(std::string_view segment) noexcept
{
    return has_name_grammar(segment) && find_word(segment) == Word::none;
}

bool is_channel_path(std::string_view path) noexcept
{
    if (path.size() > max_channel_length) {
        return false;
    }
    for (std::size_t count = 1; count <= max_channel_segments; count++) {
        const std::size_t slash = path.find('/');
        if (!is_channel_segment(path.substr(0, slash))) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
    return false;
}

bool covers(std::string_view grant, std::string_view path) noexcept
{
    return !grant.empty() && path.starts_with(grant) &&
           (path.size() == grant.size() || path[grant.size()] == '/');
}

std::string_view parent_channel(std::string_view path) noexcept
{
    const std::size_t slash = path.rfind('/');
    return path.substr(0, slash == std::string_view::npos ? 0 : slash);
}

} // namespace psm
