// SPDX-License-Identifier: BSD-2-Clause
//
// What the records have in common, for those who read and write them: a
// record's members are rows of a table (key, whether it must be there, and the
// function that takes its value or refuses it), and grants are spelled the same
// way in all of them.

#pragma once

#include "record_reader.hpp"
#include "scope.hpp"

#include <nlohmann/json_fwd.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

template <typename Record>
struct Member {
    std::string_view key;
    bool required = false;
    bool (*take)(Field& field, Record& out) = nullptr;
};

/// The problem with a member: its key, quoted, and the words behind it.
[[nodiscard]] std::string about(std::string_view key, std::string_view what);

template <typename Record, std::size_t N>
constexpr std::array<std::string_view, N>
keys_of(const std::array<Member<Record>, N>& members)
{
    std::array<std::string_view, N> keys{};
    std::ranges::transform(members, keys.begin(), &Member<Record>::key);
    return keys;
}

/// Reads and takes every member; `fields` tells the caller which were there.
template <typename Record, std::size_t N>
[[nodiscard]] std::optional<std::string>
take_members(std::string_view json,
             const std::array<Member<Record>, N>& members,
             std::array<Field, N>& fields, Record& out)
{
    const auto keys = keys_of(members);
    if (auto problem = read_fields(json, keys, fields)) {
        return problem;
    }
    for (std::size_t i = 0; i < N; i++) {
        if (fields[i].shape == Shape::absent) {
            if (members[i].required) {
                return about(keys[i], "is missing");
            }
        } else if (!members[i].take(fields[i], out)) {
            return about(keys[i], "is not valid");
        }
    }
    return std::nullopt;
}

// Each takes a value if it is valid; false: it is not.

[[nodiscard]] bool take_version(const Field& field);
[[nodiscard]] bool take_flag(const Field& field, bool& out);
/// At least one channel path with a level, none of them twice.
[[nodiscard]] bool take_resources(Field& field,
                                  std::map<std::string, Level>& out);
/// At least one, none of them twice. Unknown scopes are kept: they grant
/// nothing here, but are not ours to drop.
[[nodiscard]] bool take_scopes(Field& field, std::vector<std::string>& out);
/// At least one, none of them twice.
[[nodiscard]] bool take_channels(Field& field, std::vector<std::string>& out);

[[nodiscard]] bool has_control(std::string_view text);

/// {"main":"read"}.
[[nodiscard]] nlohmann::ordered_json
resources_json(const std::map<std::string, Level>& resources);

} // namespace psm
