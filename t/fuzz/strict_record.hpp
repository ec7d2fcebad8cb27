// SPDX-License-Identifier: BSD-2-Clause
//
// What holds for the records of all kinds, whatever they mean.

#pragma once

#include "fuzz.hpp"

#include "../../lib/record.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// Every sentence there is, its key apart.
inline void check_words(const std::string& problem)
{
    static const std::vector<std::string_view> sentences{
        "not JSON",
        "not an object",
        "nested too deeply",
        "a key stands twice",
        "too large",
        "is missing",
        "is not valid",
        "does not belong to a token of this type",
        "does not belong to a user without scopes"};
    static const std::vector<std::string_view> keys{
        "v",        "id",    "rev",     "name",    "owner",         "type",
        "scopes",   "desc",  "created", "expires", "channels",      "resources",
        "disabled", "admin", "deleted", "privacy", "superseded_by", "by"};
    std::string_view rest = problem;
    if (rest.starts_with('"')) {
        const auto key = rest.substr(1, rest.find('"', 1) - 1);
        hold(std::ranges::count(keys, key) == 1, "a key of ours", {problem});
        rest.remove_prefix(key.size() + 3);
    }
    hold(std::ranges::count(sentences, rest) == 1, "words of ours", {problem});
}

/// `json` was accepted by `decode`.
template <typename Record>
void check_strictness(std::string_view json,
                      std::optional<std::string> (*decode)(std::string_view,
                                                           Record&))
{
    // No size but the limit tells these apart.
    json = json.substr(0, json.find_last_of('}') + 1);
    const std::string open(json.substr(0, json.size() - 1));
    Record other{};
    hold(decode(open, other).has_value(), "no brace, no record", {json});
    hold(decode(json.substr(0, json.size() / 2), other).has_value(),
         "half a record is none", {json});
    hold(decode(open + ",\"v\":1}", other).has_value(), "a key twice", {json});
    hold(decode(std::string(json) + std::string(json), other).has_value(),
         "two records are none", {json});

    const auto more = open + ",\"zz-fuzz\":[{\"v\":2},null,-1.5e3]}";
    const bool there = json.find("-fuzz") != std::string_view::npos ||
                       json.find('\\') != std::string_view::npos;
    hold(there || more.size() > psm::max_record_size || !decode(more, other),
         "a key that is not ours may be added", {json});
}

} // namespace fuzz
