// SPDX-License-Identifier: BSD-2-Clause

#include "token_limits.hpp"

#include "channel.hpp"
#include "quote.hpp"
#include "scope.hpp"
#include "text.hpp"
#include "token.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <set>

namespace psm {

namespace {

using Problem = std::optional<std::string>;

constexpr const char* holds_token =
    "holds a token, which others would see there: leave it out. If that token "
    "is in use, replace it";

bool has_only(std::string_view text, std::string_view punctuation)
{
    return std::ranges::all_of(text, [=](char c) {
        return is_alnum(c) || punctuation.find(c) != std::string_view::npos;
    });
}

/// C0, DEL and C1, whose UTF-8 is C2 80 to C2 9F.
bool has_control(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool c1 = text[i] == '\xc2' && i + 1 < text.size() &&
                        static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (is_control(text[i]) || c1) {
            return true;
        }
    }
    return false;
}

/// Of any text for people.
Problem text_problem(std::string_view text, std::size_t max_characters)
{
    if (!is_utf8(text)) {
        return in_quotes(text) + " is not UTF-8";
    }
    if (has_control(text)) {
        return in_quotes(text) + " holds control characters: leave them out";
    }
    if (count_characters(text) > max_characters) {
        return "is longer than " + std::to_string(max_characters) +
               " characters: shorten it";
    }
    if (holds_own_token(text)) {
        return holds_token;
    }
    return std::nullopt;
}

std::string list_of(const std::set<std::string_view>& words)
{
    std::string text;
    for (const std::string_view word : words) {
        text += (text.empty() ? "" : ", ") + std::string(word);
    }
    return text;
}

} // namespace

Problem name_problem(std::string_view name)
{
    if (name.empty()) {
        return "is empty: say what the token is for, as in \"nightly builds\"";
    }
    return text_problem(name, max_name);
}

Problem description_problem(std::string_view description)
{
    return text_problem(description, max_description);
}

Problem owner_problem(std::string_view owner)
{
    if (!is_owner(owner)) {
        return in_quotes(owner) + " is not valid: use 1 to " +
               std::to_string(max_owner) + " letters, digits and . _ @ + -";
    }
    return holds_own_token(owner) ? Problem(holds_token) : std::nullopt;
}

Problem channel_problem(std::string_view channel)
{
    if (!is_channel_path(channel)) {
        return in_quotes(channel) +
               " is not a channel path: write NAME or NAME/SUBCHANNEL, at "
               "most 8 parts of letters, digits and . _ -, none of them t, "
               "simple, jupyter or a platform";
    }
    return holds_own_token(channel) ? Problem(holds_token) : std::nullopt;
}

Problem scope_problem(std::string_view scope)
{
    if (find_scope(scope)) {
        return std::nullopt;
    }
    const std::string_view category = scope.substr(0, scope.find(':'));
    std::set<std::string_view> categories;
    std::set<std::string_view> siblings;
    for (Scope row = 0; row < scope_count; row++) {
        categories.insert(scope_category(row));
        if (scope_category(row) == category) {
            siblings.insert(scopes[row].name);
        }
    }
    return in_quotes(scope) + " is no scope: " +
           (siblings.empty() ? "scopes begin with one of " + list_of(categories)
                             : "those of " + std::string(category) + " are " +
                                   list_of(siblings));
}

bool is_owner(std::string_view text) noexcept
{
    return !text.empty() && text.size() <= max_owner && has_only(text, "._@+-");
}

bool is_token_id(std::string_view text) noexcept
{
    return !text.empty() && text.size() <= max_id && has_only(text, "-");
}

} // namespace psm
