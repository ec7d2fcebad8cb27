// SPDX-License-Identifier: BSD-2-Clause
//
// The steps are nginx's: cut query and fragment, decode once, merge slashes,
// resolve dot segments; then the gate's own: take the tokens out.

#include "request_url.hpp"

#include "quote.hpp"
#include "text.hpp"
#include "token_path.hpp"

#include <algorithm>
#include <optional>

namespace psm {

namespace {

std::vector<std::string_view> split(std::string_view path)
{
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0) {
            segments.push_back(path.substr(0, end));
        }
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return segments;
}

/// "/a/b?c" of "https://host/a/b?c".
std::string_view path_of(std::string_view url)
{
    const std::size_t end = url.find("://");
    if (end != std::string_view::npos && !url.starts_with('/')) {
        const std::size_t slash = url.find('/', end + 3);
        url = slash == std::string_view::npos ? "/" : url.substr(slash);
    }
    return url.substr(0, url.find_first_of("?#"));
}

/// nullopt: nginx answers 400.
std::optional<std::string> decode(std::string_view path)
{
    std::string decoded;
    for (std::size_t i = 0; i < path.size(); i++) {
        if (path[i] != '%') {
            decoded.push_back(path[i]);
            continue;
        }
        const int high = i + 2 < path.size() ? hex_value(path[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(path[i + 2]) : -1;
        if (low < 0 || high * 16 + low == 0) {
            return std::nullopt;
        }
        decoded.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return decoded;
}

/// Slashes merged and dot segments resolved; nullopt when they leave the root.
std::optional<std::string> normalize(std::string_view path)
{
    std::vector<std::string_view> kept;
    const auto segments = split(path);
    for (const std::string_view segment : segments) {
        if (segment == "..") {
            if (kept.empty()) {
                return std::nullopt;
            }
            kept.pop_back();
        } else if (segment != ".") {
            kept.push_back(segment);
        }
    }
    std::string clean;
    for (const std::string_view segment : kept) {
        clean += '/';
        clean += segment;
    }
    const bool directory =
        path.ends_with('/') || (!segments.empty() && (segments.back() == "." ||
                                                      segments.back() == ".."));
    if (clean.empty() || directory) {
        clean += '/';
    }
    return clean;
}

bool is_masked(std::string_view text)
{
    return text.find_first_not_of('*') == std::string_view::npos ||
           text == token_placeholder ||
           classify_token(text, TokenFormat::any) == TokenShape::placeholder;
}

bool is_base(std::string_view base)
{
    const auto segments = split(base);
    return base.starts_with('/') && base.find("//") == std::string_view::npos &&
           std::ranges::none_of(base, is_control) &&
           std::ranges::count(segments, "t") +
                   std::ranges::count(segments, ".") +
                   std::ranges::count(segments, "..") ==
               0;
}

/// A text behind a `t/` that may be a token.
bool shows_token(std::string_view path, const PathTokens& tokens)
{
    for (std::size_t i = 0; i < tokens.count; i++) {
        const auto pairs =
            split(path.substr(tokens.cuts[i].at, tokens.cuts[i].len));
        for (std::size_t k = 1; k < pairs.size(); k += 2) {
            if (!is_masked(pairs[k])) {
                return true;
            }
        }
    }
    return false;
}

} // namespace

std::vector<std::string> parse_bases(const std::vector<std::string>& texts,
                                     FieldProblems& problems)
{
    std::vector<std::string> bases;
    for (const std::string& text : texts) {
        const std::string base = text.ends_with('/') ? text : text + "/";
        if (!is_base(base)) {
            problems.push_back(
                {"base", in_quotes(text) +
                             " is no base: write plain segments between "
                             "slashes, as in /api/repo/, none of them t"});
        } else if (std::ranges::count(bases, base) != 0 ||
                   bases.size() == max_bases) {
            problems.push_back({"base", in_quotes(base) +
                                            " is given twice, or is one of "
                                            "more than " +
                                            std::to_string(max_bases) +
                                            ": leave it out"});
        } else {
            bases.push_back(base);
        }
    }
    if (bases.empty()) {
        bases.emplace_back("/");
    }
    std::ranges::stable_sort(bases, {}, &std::string::size);
    return bases;
}

std::string clean_path(std::string_view url,
                       const std::vector<std::string>& bases,
                       FieldProblems& problems)
{
    const auto refused = [&problems](std::string why) {
        problems.push_back({"url", std::move(why)});
        return std::string();
    };
    const std::string_view path = path_of(url);
    if (!path.starts_with('/')) {
        return refused(in_quotes(url) +
                       " has no path: write https://HOST/PATH or /PATH");
    }
    const auto decoded = decode(path);
    if (!decoded) {
        return refused("holds a % that nginx answers with 400: write percent "
                       "signs as %25");
    }
    const auto whole = normalize(*decoded);
    if (!whole) {
        return refused("leaves the root with ..: nginx answers 400");
    }
    const std::vector<std::string_view> views(bases.begin(), bases.end());
    Claim claim;
    const PathTokens tokens =
        find_path_tokens(*whole, views, all_carriers, TokenFormat::any, claim);
    if (shows_token(*whole, tokens)) {
        return refused("has something behind t/ that may be a token, and a "
                       "URL is no place for one: write t/**** or leave it "
                       "out, and give the token by itself, or its id");
    }
    if (tokens.nothing_behind) {
        return refused("is no address: nothing follows the token, and the "
                       "gate answers 404");
    }
    std::string clean(tokens.clean_length(*whole), '\0');
    clean.resize(write_clean(*whole, tokens, clean.data()));
    return clean;
}

} // namespace psm
