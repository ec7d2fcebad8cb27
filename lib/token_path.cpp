// SPDX-License-Identifier: BSD-2-Clause
//
// The rule: cut the pairs at the start; then, for each base from the shortest
// on, if the URI as cut so far begins with it, cut the pairs behind it.
//
// Since a later base is no shorter, its place lies behind all earlier cuts:
// cuts come out in order, and walking a base over the URI only has to step
// over the cuts it meets. Two cuts never touch, because a run takes every
// pair there is.
//
//     uri    /t/A/api/t/B/repo/main        bases /api/ /api/repo/
//     cuts   ####    ####
//     walk       /api    /repo/            <- the second base, over the cuts
//
// A run of slashes is walked as one slash, so that pairs are found where
// they would be found with slashes merged; empty_segment remembers that one
// was met on the way to a pair.

#include "token_path.hpp"

#include <algorithm>
#include <cstring>

namespace psm {

namespace {

constexpr auto npos = std::string_view::npos;

std::size_t past_slashes(std::string_view uri, std::size_t at) noexcept
{
    while (at < uri.size() && uri[at] == '/') {
        at++;
    }
    return at;
}

bool is_t_segment(std::string_view uri, std::size_t at) noexcept
{
    return at < uri.size() && uri[at] == 't' &&
           (at + 1 == uri.size() || uri[at + 1] == '/');
}

class Finder {
public:
    Finder(std::string_view uri, CarrierSet enabled, TokenFormat format,
           Claim& claim, PathTokens& found) noexcept
        : uri_(uri), format_(format),
          path_enabled_((enabled & carrier_bit(Carrier::path)) != 0),
          claim_(claim), found_(found)
    {
    }

    void cut_at_start() noexcept { cut_run(0, false); }

    void cut_behind(std::string_view base) noexcept
    {
        bool doubled = false;
        const auto slash = walk(base, doubled);
        if (slash != npos) {
            cut_run(slash, doubled);
        }
    }

private:
    /// The offset of the slash that ends `base` in the URI without its cuts.
    std::size_t walk(std::string_view base, bool& doubled) const noexcept
    {
        std::size_t at = 0;
        std::size_t cut = 0;
        for (std::size_t i = 0;; i++) {
            if (cut < found_.count && found_.cuts[cut].at == at) {
                at += found_.cuts[cut].len;
                cut++;
            }
            if (at >= uri_.size() || uri_[at] != base[i]) {
                return npos;
            }
            if (i + 1 == base.size()) {
                return at;
            }
            const auto slashes = past_slashes(uri_, at) - at;
            doubled = doubled || slashes > 1;
            at += std::max<std::size_t>(slashes, 1);
        }
    }

    /// Takes every pair from the slash at `at` on; `doubled` says whether a
    /// double slash was met on the way there.
    void cut_run(std::size_t at, bool doubled) noexcept
    {
        std::size_t end = at;
        for (;;) {
            const auto name = past_slashes(uri_, end);
            if (name == end || !is_t_segment(uri_, name)) {
                break;
            }
            doubled = doubled || name - end > 1;
            end = take_pair(name, doubled);
            found_.empty_segment = found_.empty_segment || doubled;
        }
        if (end != at) {
            found_.cuts[found_.count] = {at, end - at};
            found_.count++;
        }
    }

    /// Takes the token behind the segment `t` at `name`; returns its end.
    std::size_t take_pair(std::size_t name, bool& doubled) noexcept
    {
        const auto text = past_slashes(uri_, name + 1);
        const auto end = std::min(uri_.find('/', text), uri_.size());
        // Slashes up to the end are an empty token, and stand before none.
        doubled = doubled || (text - name > 2 && text < uri_.size());
        add_token(text, end);
        return end;
    }

    void add_token(std::size_t at, std::size_t end) noexcept
    {
        const auto text = uri_.substr(at, end - at);
        const auto shape = path_enabled_ ? classify_token(text, format_)
                                         : TokenShape::malformed;
        claim_.add({Carrier::path, shape, text});
        if (!any_token_) {
            any_token_ = true;
            found_.token_at = at;
            found_.token_len = text.size();
        }
        found_.nothing_behind = !text.empty() && end == uri_.size();
    }

    std::string_view uri_;
    TokenFormat format_;
    bool path_enabled_;
    bool any_token_ = false;
    Claim& claim_;
    PathTokens& found_;
};

/// What nearly every request looks like, at less than half the cost: one
/// token of ours at the start, where no base can have another behind it. False
/// when it is anything else; then nothing was taken.
bool find_usual(std::string_view uri, std::span<const std::string_view> bases,
                CarrierSet enabled, Claim& claim, PathTokens& found) noexcept
{
    constexpr std::string_view pair = "/t/";
    constexpr std::size_t end = pair.size() + token_length;

    if (bases.size() != 1 || bases.front().size() != 1 ||
        (enabled & carrier_bit(Carrier::path)) == 0 || uri.size() < end + 2 ||
        !uri.starts_with(pair) || uri[end] != '/' || uri[end + 1] == '/' ||
        is_t_segment(uri, end + 1)) {
        return false;
    }
    const std::string_view token = uri.substr(pair.size(), token_length);
    if (!is_own_token(token)) {
        return false;
    }
    claim.add({Carrier::path, TokenShape::well_formed, token});
    found.cuts[0] = {0, end};
    found.count = 1;
    found.token_at = pair.size();
    found.token_len = token_length;
    return true;
}

/// Appends to the `written` characters in `out`, which may be the text's own
/// buffer: hence memmove.
std::size_t append(char* out, std::size_t written,
                   std::string_view text) noexcept
{
    if (!text.empty()) {
        std::memmove(out + written, text.data(), text.size());
    }
    return written + text.size();
}

/// Copies what lies between the cuts, with `mark` in the place of each.
std::size_t write_around(std::string_view uri, const PathTokens& tokens,
                         std::string_view mark, char* out) noexcept
{
    std::size_t from = 0;
    std::size_t written = 0;
    for (std::size_t i = 0; i < tokens.count; i++) {
        const auto& cut = tokens.cuts[i];
        written = append(out, written, uri.substr(from, cut.at - from));
        written = append(out, written, mark);
        from = cut.at + cut.len;
    }
    return append(out, written, uri.substr(from));
}

} // namespace

std::size_t PathTokens::clean_length(std::string_view uri) const noexcept
{
    std::size_t length = uri.size();
    for (std::size_t i = 0; i < count; i++) {
        length -= cuts[i].len;
    }
    return std::max<std::size_t>(length, 1);
}

std::size_t PathTokens::masked_length(std::string_view uri) const noexcept
{
    std::size_t length = uri.size();
    for (std::size_t i = 0; i < count; i++) {
        length += masked_pair.size();
        length -= cuts[i].len;
    }
    return length;
}

PathTokens find_path_tokens(std::string_view uri,
                            std::span<const std::string_view> bases,
                            CarrierSet enabled, TokenFormat format,
                            Claim& claim) noexcept
{
    PathTokens found;
    if (find_usual(uri, bases, enabled, claim, found)) {
        return found;
    }
    Finder finder(uri, enabled, format, claim, found);
    finder.cut_at_start();
    for (const auto base : bases.first(std::min(bases.size(), max_bases))) {
        if (base.size() > 1) {
            finder.cut_behind(base);
        }
    }
    if (found.empty_segment) {
        // Nobody may look such a token up, even if empty_segment is missed.
        claim.add({Carrier::path, TokenShape::malformed, {}});
    }
    return found;
}

std::size_t write_clean(std::string_view uri, const PathTokens& tokens,
                        char* out) noexcept
{
    const auto length = write_around(uri, tokens, {}, out);
    if (length == 0) {
        out[0] = '/';
        return 1;
    }
    return length;
}

std::size_t write_masked(std::string_view uri, const PathTokens& tokens,
                         char* out) noexcept
{
    return write_around(uri, tokens, masked_pair, out);
}

} // namespace psm
