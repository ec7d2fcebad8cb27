// SPDX-License-Identifier: BSD-2-Clause
//
// Who asks the API, and what he may do and hand out (design.md section 7, "Who
// may"). A token acts for its owner: its rights are its own grants, within
// those of its owner's record where there is one. A person whom nginx
// established has the rights of his record, without one none, and as an
// administrator all.

#pragma once

#include "api.hpp"
#include "authority.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace psm {

struct Caller {
    std::string user{}; // the person, or the token's owner; "": nobody
    bool admin = false; // he is an administrator
    std::optional<StoredToken> token{}; // that was shown
    /// What he has, whether or not he may hand it out; and the records that
    /// say so.
    Authority authority{};
    Premises premises{};
};

/// Fills `caller` as far as it gets; refuses (api_problem.hpp) whoever is
/// nobody. A token that was shown counts before what nginx established.
Task<void> identify(Store* store, ApiCaller shown, std::int64_t now,
                    Caller* caller);

/// Whether what was shown is sent by browsers of their own accord.
[[nodiscard]] inline bool is_ambient(const ApiCaller& shown) noexcept
{
    return shown.standing == Standing::anonymous;
}

/// An account-wide scope. A person needs none for what is his; a token does.
[[nodiscard]] bool may(const Caller& caller, std::string_view scope);

/// Whether there is nothing that he could not give himself. What an
/// administrator may do with tokens is not what his token may do with packages:
/// the first one has user.token scopes only.
[[nodiscard]] bool has_everything(const Caller& caller);

/// A scope of a channel, there; or the level that includes it.
[[nodiscard]] bool may_on(const Caller& caller, std::string_view scope,
                          std::string_view channel);

/// Any right at all on a channel: then he may know of it.
[[nodiscard]] bool may_see(const Caller& caller, std::string_view channel);

/// Whether tokens of `owner` are his to see and to change, as far as his token
/// lets him: his own, those of service accounts of channels that he manages,
/// and, for an administrator, all.
[[nodiscard]] bool is_master(const Caller& caller, std::string_view owner);

/// What he may hand out: nothing, where he cannot make tokens; everything, as
/// an administrator, but for no longer than his token lasts.
[[nodiscard]] Authority hand_out(const Caller& caller);

} // namespace psm
