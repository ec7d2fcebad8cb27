// SPDX-License-Identifier: BSD-2-Clause

#include "api_args.hpp"

#include "api_problem.hpp"
#include "clock_text.hpp"
#include "text.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <charconv>

namespace psm {

namespace {

/// nullopt for a % that begins no byte, and for what is not UTF-8.
std::optional<std::string> decode(std::string_view text)
{
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] != '%') {
            decoded += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low < 0) {
            return std::nullopt;
        }
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return is_utf8(decoded) ? std::optional(decoded) : std::nullopt;
}

std::string list_of(std::span<const std::string_view> words)
{
    std::string text;
    for (const std::string_view word : words) {
        text += (text.empty() ? "" : ", ") + std::string(word);
    }
    return text.empty() ? "none at all" : text;
}

} // namespace

ApiArgs::ApiArgs(std::string_view text, std::span<const std::string_view> known)
{
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(pair.size() + 1, text.size()));
        if (pair.empty()) {
            continue;
        }
        const std::string_view name = pair.substr(0, pair.find('='));
        if (std::ranges::find(known, name) == known.end()) {
            // Not by name, which could be a token.
            refuse(Fault::request_invalid,
                   {{"arguments", "of the URL hold one that is not known "
                                  "here: this address takes " +
                                      list_of(known)}});
        }
        const auto value =
            decode(pair.substr(std::min(name.size() + 1, pair.size())));
        if (!value) {
            refuse(Fault::request_invalid,
                   {{std::string(name), "is not percent-encoded UTF-8"}});
        }
        if (value->empty()) {
            refuse(Fault::request_invalid,
                   {{std::string(name), "is empty: leave it out"}});
        }
        if (!values_.emplace(name, *value).second) {
            refuse(Fault::request_invalid,
                   {{std::string(name), "is given twice: give it once"}});
        }
    }
}

std::optional<std::string> ApiArgs::text(std::string_view name) const
{
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::size_t> ApiArgs::number(std::string_view name,
                                           std::size_t min, std::size_t max,
                                           FieldProblems& problems) const
{
    const auto given = text(name);
    if (!given) {
        return std::nullopt;
    }
    std::size_t value = 0;
    const char* const end = given->data() + given->size();
    const auto [stop, error] = std::from_chars(given->data(), end, value);
    if (error != std::errc() || stop != end || value < min || value > max) {
        problems.push_back(
            {std::string(name), "is no number from " + std::to_string(min) +
                                    " to " + std::to_string(max)});
        return std::nullopt;
    }
    return value;
}

std::optional<std::int64_t> ApiArgs::duration(std::string_view name,
                                              FieldProblems& problems) const
{
    const auto given = text(name);
    if (!given) {
        return std::nullopt;
    }
    const auto seconds = parse_duration(*given);
    if (!seconds) {
        problems.push_back({std::string(name),
                            "is no time: write 7d, 12h, 15m, 90s, 2w or 1y"});
    }
    return seconds;
}

std::optional<bool> ApiArgs::flag(std::string_view name,
                                  FieldProblems& problems) const
{
    const auto given = text(name);
    if (!given) {
        return std::nullopt;
    }
    for (const bool value : {false, true}) {
        if (iequals(*given, value ? "true" : "false") ||
            *given == (value ? "1" : "0")) {
            return value;
        }
    }
    problems.push_back({std::string(name), "is neither true nor false"});
    return std::nullopt;
}

} // namespace psm
