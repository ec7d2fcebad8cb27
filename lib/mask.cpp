// SPDX-License-Identifier: BSD-2-Clause
//
// Text is read in units: a plain byte, or a percent-encoded one of any depth
// (%70, %2570, %252570 are all a `p`). A match is tried at every byte that
// may begin one, not at every unit, so that a stray '%' before a token
// cannot swallow its first characters.
//
// Nothing is done per byte while nothing matches: memchr finds the first
// character wanted and the next '%', and each is looked for again only when
// it was passed.

#include "mask.hpp"

#include "text.hpp"
#include "token.hpp"

#include <algorithm>
#include <array>

namespace psm {

namespace {

constexpr auto npos = std::string_view::npos;

/// So short a run cannot be guessed into a token, so long a one is no word.
constexpr std::size_t min_run = 12;

struct Unit {
    char c = 0;
    std::size_t len = 1;
};

struct Run {
    std::size_t at = npos;
    std::size_t end = npos;
};

/// The byte that two hexadecimal digits at `at` stand for, or -1.
int hex_pair(std::string_view text, std::size_t at) noexcept
{
    if (at + 2 > text.size()) {
        return -1;
    }
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Unit unit_at(std::string_view text, std::size_t at) noexcept
{
    if (text[at] != '%') {
        return {text[at], 1};
    }
    std::size_t digits = at + 1;
    while (hex_pair(text, digits) == '%' && hex_pair(text, digits + 2) >= 0) {
        digits += 2;
    }
    const int value = hex_pair(text, digits);
    if (value < 0) {
        return {'%', 1};
    }
    return {static_cast<char>(value), digits + 2 - at};
}

/// The offsets at which a plain or encoded `first` may begin, in order.
class Starts {
public:
    Starts(std::string_view text, char first) noexcept
        : text_(text), first_(first), plain_(text.find(first)),
          percent_(text.find('%'))
    {
    }

    std::size_t next(std::size_t from) noexcept
    {
        if (plain_ < from) {
            plain_ = text_.find(first_, from);
        }
        if (percent_ < from) {
            percent_ = text_.find('%', from);
        }
        return std::min(plain_, percent_);
    }

private:
    std::string_view text_;
    char first_;
    std::size_t plain_;
    std::size_t percent_;
};

/// The end of a copy of `wanted` that begins at `at`, or npos.
std::size_t match(std::string_view text, std::size_t at,
                  std::string_view wanted) noexcept
{
    for (const char c : wanted) {
        if (at >= text.size()) {
            return npos;
        }
        if (text[at] == c) {
            at++;
            continue;
        }
        const auto unit = unit_at(text, at);
        if (unit.c != c) {
            return npos;
        }
        at += unit.len;
    }
    return at;
}

/// Copies of one token.
class CopyFinder {
public:
    CopyFinder(std::string_view text, std::string_view known) noexcept
        : text_(text), known_(known), starts_(text, known.front())
    {
    }

    Run next(std::size_t from) noexcept
    {
        for (;; from++) {
            from = starts_.next(from);
            if (from == npos) {
                return {};
            }
            const auto end = match(text_, from, known_);
            if (end != npos) {
                return {from, end};
            }
        }
    }

private:
    std::string_view text_;
    std::string_view known_;
    Starts starts_;
};

/// Runs of the shape of our own tokens.
class ShapeFinder {
public:
    explicit ShapeFinder(std::string_view text) noexcept
        : text_(text), starts_(text, token_prefix.front())
    {
    }

    Run next(std::size_t from) noexcept
    {
        for (;; from++) {
            from = starts_.next(from);
            if (from == npos) {
                return {};
            }
            const auto body = match(text_, from, token_prefix);
            if (body == npos) {
                continue;
            }
            const auto end = run_end(body);
            if (end != npos) {
                return {from, end};
            }
        }
    }

private:
    [[nodiscard]] std::size_t run_end(std::size_t at) const noexcept
    {
        std::size_t units = 0;
        std::array<char, 3> last{};
        while (at < text_.size()) {
            const auto unit = unit_at(text_, at);
            if (!is_alnum(unit.c) &&
                (unit.c != '-' || units < min_run || !begins_next(last))) {
                break;
            }
            last = {last[1], last[2], unit.c};
            at += unit.len;
            units++;
        }
        return units >= min_run ? at : npos;
    }

    /// Tokens that are glued together are one run: the `-` is the next one's.
    static bool begins_next(const std::array<char, 3>& last) noexcept
    {
        return token_prefix.starts_with({last.data(), last.size()});
    }

    std::string_view text_;
    Starts starts_;
};

std::string_view view_of(std::span<char> text) noexcept
{
    return {text.data(), text.size()};
}

/// Overwrites [at, end); false when there was nothing left to hide.
bool hide(std::span<char> text, std::size_t at, std::size_t end) noexcept
{
    const auto part = text.subspan(at, end - at);
    if (view_of(part).find_first_not_of('*') == npos) {
        return false;
    }
    std::fill(part.begin(), part.end(), '*');
    return true;
}

template <typename FindRuns>
std::size_t hide_all(std::span<char> text, FindRuns runs) noexcept
{
    std::size_t hidden = 0;
    for (auto run = runs.next(0); run.at != npos; run = runs.next(run.end)) {
        hidden += hide(text, run.at, run.end) ? 1U : 0U;
    }
    return hidden;
}

/// A copy of one of our own tokens has the shape, too.
bool has_own_shape(std::string_view token) noexcept
{
    return token.size() >= token_prefix.size() + min_run &&
           token.starts_with(token_prefix) &&
           std::ranges::all_of(token.substr(token_prefix.size()), is_alnum);
}

bool ends_path(char c) noexcept
{
    return c == '?' || c == '#' || c == ' ' || c == '\t' || c == '\r' ||
           c == '\n';
}

/// The end of a slash that begins at `at`, or npos.
std::size_t past_slash(std::string_view text, std::size_t at) noexcept
{
    return match(text, at, "/");
}

struct Segment {
    std::size_t end = 0;
    std::size_t units = 0;
    std::size_t dots = 0;
    char last = 0;

    [[nodiscard]] bool is_t() const noexcept
    {
        return units == 1 && last == 't';
    }

    [[nodiscard]] bool is_dots() const noexcept
    {
        return units == dots && units <= 2;
    }
};

Segment segment_at(std::string_view text, std::size_t at) noexcept
{
    Segment segment;
    while (at < text.size() && !ends_path(text[at])) {
        const auto unit = unit_at(text, at);
        if (unit.c == '/') {
            break;
        }
        segment.units++;
        segment.dots += unit.c == '.' ? 1U : 0U;
        segment.last = unit.c;
        at += unit.len;
    }
    segment.end = at;
    return segment;
}

/// Hides what follows a segment `t` whose slash begins at `at`, to the end of
/// the path; returns that end. Empty and dot segments are passed over,
/// and what a dot-dot leads back to is hidden as well, because a server that
/// normalizes the path would find the token there.
std::size_t hide_behind_t(std::span<char> text, std::size_t at,
                          std::size_t& hidden) noexcept
{
    bool due = true;
    for (;;) {
        at = past_slash(view_of(text), at);
        const auto segment = segment_at(view_of(text), at);
        if (segment.is_dots()) {
            due = due || segment.units == 2;
        } else {
            if (due) {
                hidden += hide(text, at, segment.end) ? 1U : 0U;
            }
            due = segment.is_t();
        }
        at = segment.end;
        if (at == text.size() || ends_path(text[at])) {
            return at;
        }
    }
}

/// The start of the segment behind the next slash, or npos.
std::size_t next_segment(std::string_view text, Starts& slashes,
                         std::size_t at) noexcept
{
    for (;; at++) {
        at = slashes.next(at);
        if (at == npos) {
            return npos;
        }
        const auto behind = past_slash(text, at);
        if (behind != npos) {
            return behind;
        }
    }
}

std::size_t hide_path_tokens(std::span<char> text) noexcept
{
    const auto view = view_of(text);
    std::size_t hidden = 0;
    Starts slashes(view, '/');
    for (std::size_t at = 0; at != npos;) {
        const auto behind = match(view, at, "t");
        if (behind != npos && past_slash(view, behind) != npos) {
            at = hide_behind_t(text, behind, hidden);
        }
        at = next_segment(view, slashes, at);
    }
    return hidden;
}

} // namespace

std::size_t mask_token_text(std::span<char> text,
                            std::string_view known) noexcept
{
    const auto view = view_of(text);
    std::size_t hidden = 0;
    // Copies first: a foreign token may hold a run of our shape.
    if (!known.empty() && !has_own_shape(known)) {
        hidden += hide_all(text, CopyFinder(view, known));
    }
    return hidden + hide_all(text, ShapeFinder(view));
}

std::size_t mask_token_url(std::span<char> text,
                           std::string_view known) noexcept
{
    const auto hidden = hide_path_tokens(text);
    return hidden + mask_token_text(text, known);
}

bool has_token_text(std::string_view text, std::string_view known) noexcept
{
    return ShapeFinder(text).next(0).at != npos ||
           (!known.empty() && !has_own_shape(known) &&
            CopyFinder(text, known).next(0).at != npos);
}

} // namespace psm
