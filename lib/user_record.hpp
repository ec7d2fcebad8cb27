// SPDX-License-Identifier: BSD-2-Clause
//
// The record of a user, psm:user:<name> (design.md section 6): what the user
// may hand out, and whether he is an administrator. Read as strictly as a
// token's: whatever is not exactly as written there is an error, never more.

#pragma once

#include "scope.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

/// Unlike a token a user may have both kinds of grants.
struct UserRecord {
    bool admin = false;
    std::map<std::string, Level> resources;
    std::vector<std::string> scopes;   // may be unknown: those grant nothing
    std::vector<std::string> channels; // reach of the scopes; empty: everywhere
};

/// Fills `out` from JSON; returns what is wrong, in words that hold nothing of
/// the input, or nullopt. After an error `out` gives nothing. A record needs v;
/// with nothing else in it the user may hand out nothing. Channels without
/// scopes are refused: they would limit nothing.
[[nodiscard]] std::optional<std::string>
decode_user_record(std::string_view json, UserRecord& out);

/// Keys in the order of design.md; parts that have their default are left
/// out. Throws when a text is not UTF-8.
[[nodiscard]] std::string encode_user_record(const UserRecord& record);

/// The same in the place of `before`, whose unknown keys are kept; "", or what
/// is no record: there are none.
[[nodiscard]] std::string update_user_record(std::string_view before,
                                             const UserRecord& record);

} // namespace psm
