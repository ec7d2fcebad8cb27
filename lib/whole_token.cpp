// SPDX-License-Identifier: BSD-2-Clause

#include "whole_token.hpp"

#include "mask.hpp"
#include "text.hpp"
#include "token.hpp"

#include <algorithm>

namespace psm {

namespace {

/// Whether the character at `at` ends the prefix of a token that is glued to
/// the one before.
bool begins_next(std::string_view text, std::size_t at) noexcept
{
    return text.substr(0, at + 1).ends_with(token_prefix);
}

/// The first run that begins as a token of ours does and is no shorter; empty
/// when there is none.
std::string_view find_whole_token(std::string_view text) noexcept
{
    for (std::size_t at = text.find(token_prefix); at != std::string_view::npos;
         at = text.find(token_prefix, at + 1)) {
        std::size_t end = at + token_prefix.size();
        while (end < text.size() &&
               (is_alnum(text[end]) ||
                (end - at >= token_length && begins_next(text, end)))) {
            end++;
        }
        if (end - at >= token_length) {
            return text.substr(at, end - at);
        }
    }
    return {};
}

std::size_t overwrite_all(std::span<char> text, std::string_view known) noexcept
{
    const std::string_view all(text.data(), text.size());
    std::size_t hidden = 0;

    for (std::size_t at = all.find(known); at != std::string_view::npos;
         at = all.find(known, at + known.size())) {
        std::ranges::fill(text.subspan(at, known.size()), '*');
        hidden++;
    }
    return hidden;
}

} // namespace

std::size_t mask_whole_tokens(std::span<char> text,
                              std::string_view known) noexcept
{
    const std::string_view all(text.data(), text.size());

    // What is escaped is not read twice to tell how long it is.
    if (all.find('%') != std::string_view::npos) {
        return mask_token_text(text, known);
    }

    std::size_t hidden = known.empty() ? 0 : overwrite_all(text, known);
    for (auto run = find_whole_token(all); !run.empty();
         run = find_whole_token(all)) {
        const auto at = static_cast<std::size_t>(run.data() - all.data());
        std::ranges::fill(text.subspan(at, run.size()), '*');
        hidden++;
    }
    return hidden;
}

bool has_whole_token(std::string_view text) noexcept
{
    return text.find('%') != std::string_view::npos
               ? has_token_text(text)
               : !find_whole_token(text).empty();
}

} // namespace psm
