// SPDX-License-Identifier: BSD-2-Clause
//
// The token that a command is about to change: found by its id, or refused
// with the remedy; and the revision that it must still have.

#pragma once

#include "syntax.hpp"

#include "../lib/store.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace psm::cli {

/// Times that a command reads again and decides anew.
inline constexpr int max_attempts = 10;

/// Throws Failure where no token has the id.
[[nodiscard]] StoredToken find_token(Store& store, const std::string& id);

/// The same for an edit: one that lives and is not an old string.
[[nodiscard]] StoredToken find_changeable(Store& store, const std::string& id);

/// The old string that still works beside this token's.
[[nodiscard]] std::optional<StoredToken> find_twin(Store& store,
                                                   const TokenRecord& record);

void add_rev_option(Syntax syntax, std::optional<std::int64_t>& rev);

/// Ends with 1, and the rev that is there now, where it is another one.
void check_rev(const StoredToken& token,
               const std::optional<std::int64_t>& wanted);

} // namespace psm::cli
