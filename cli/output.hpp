// SPDX-License-Identifier: BSD-2-Clause
//
// What the commands print: text that is safe for a terminal, tables that fit
// it (table.hpp), and the JSON that the API shares.

#pragma once

#include "table.hpp"

#include "../lib/quote.hpp"
#include "../lib/record.hpp"
#include "../lib/token_filter.hpp"
#include "../lib/token_json.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// Columns of the terminal that is this file; nothing where it is none.
[[nodiscard]] std::optional<std::size_t> terminal_width(int file);

void print(std::string_view text);

/// A line on stderr, behind the name of the program.
void complain(std::string_view text);

void print_json(const nlohmann::ordered_json& json);

/// "name      value" lines under one another.
[[nodiscard]] std::string line(std::string_view name, std::string_view value);

/// "main:read main/dev:write", or the scopes.
[[nodiscard]] std::string describe_grants(const TokenRecord& record);

/// Where a scope token's scopes count; empty for a resource token.
[[nodiscard]] std::string describe_reach(const TokenRecord& record);

/// "2027-01-31T00:00:00Z (in 30 days)", "never".
[[nodiscard]] std::string describe_expiry(const TokenRecord& record,
                                          std::int64_t now);

/// The lines of `show` about a token.
[[nodiscard]] std::string describe_token(const StoredToken& token,
                                         std::int64_t now);

} // namespace psm::cli
