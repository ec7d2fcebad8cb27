// SPDX-License-Identifier: BSD-2-Clause
//
// What the texts of a token may be (design.md section 7), judged once for all
// who write records. Each function returns what is wrong and the remedy, to
// stand behind the name of the field; nullopt: nothing is.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace psm {

inline constexpr std::size_t max_name = 128;         // characters
inline constexpr std::size_t max_description = 1024; // characters
inline constexpr std::size_t max_owner = 128;
inline constexpr std::size_t max_id = 64;

[[nodiscard]] std::optional<std::string> name_problem(std::string_view name);
[[nodiscard]] std::optional<std::string>
description_problem(std::string_view description);
/// Also of the name of a user.
[[nodiscard]] std::optional<std::string> owner_problem(std::string_view owner);
[[nodiscard]] std::optional<std::string>
channel_problem(std::string_view channel);

[[nodiscard]] std::optional<std::string> scope_problem(std::string_view scope);

/// What records may hold: they are older than the wishes above, and others
/// write them, too.
[[nodiscard]] bool is_owner(std::string_view text) noexcept;
/// Letters, digits and dashes, 1 to max_id of them.
[[nodiscard]] bool is_token_id(std::string_view text) noexcept;

} // namespace psm
