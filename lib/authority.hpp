// SPDX-License-Identifier: BSD-2-Clause
//
// No one hands out more than he has (design.md section 7): what somebody may
// hand out, whether a token stays within it, and what is left of a token that
// does not.
//
// Levels are compared on every channel at once. What a record gives is the
// same on all channels between two that it names, so it is enough to look at
// each path that either side names: "main: manage" is more than a maker has
// who holds "main: manage" and "main/secret: read".

#pragma once

#include "field_problem.hpp"
#include "grant.hpp"
#include "record.hpp"
#include "scope.hpp"
#include "user_record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

/// What one record lets its holder hand out.
struct Rights {
    bool everything = false; // an administrator
    Resources resources;
    ScopeSet scopes;                   // the known ones
    std::vector<std::string> channels; // reach of the scopes; empty: everywhere
};

/// Nothing for a record that is disabled or a tombstone. Its expiry is no part
/// of them: see Authority::until.
[[nodiscard]] Rights rights_of(const TokenRecord& record);
[[nodiscard]] Rights rights_of(const UserRecord& record);

/// Level L on a channel: by the most specific grant on it, or, within reach,
/// by the scopes that make L (read: artifact:download and
/// channel:view-artifacts; write: also artifact:create; manage: also
/// artifact:edit, artifact:delete and channel:edit). The higher of both.
[[nodiscard]] Level level_on(const Rights& rights, std::string_view channel);

/// A scope that is not known here, only an administrator has.
[[nodiscard]] bool has_scope(const Rights& rights, std::string_view scope);

/// What may be handed out by one who is bound by several records at once: his
/// token's and his own. No record at all: nothing.
struct Authority {
    std::vector<Rights> bounds;
    std::int64_t until = never_expires; // the maker's token's expiry
};

/// What may be handed out there: the lowest of all bounds.
[[nodiscard]] Level level_on(const Authority& authority,
                             std::string_view channel);
[[nodiscard]] bool has_scope(const Authority& authority,
                             std::string_view scope);

/// Where its scopes may be handed out.
[[nodiscard]] Reach reach_of(const Authority& authority);

/// The scopes that may be handed out at least somewhere: what a form offers.
[[nodiscard]] ScopeSet scopes_of(const Authority& authority);

/// A grant of a wanted token that goes beyond an authority.
struct Excess {
    std::string field; // "resources", "scopes", "channels", "expires_at"
    std::string value; // the channel path or the scope; "" for the expiry, and
                       // for channels where none is named
    std::string why;   // to stand behind the value: what is wanted, what may be
};

/// Everything in which `wanted` goes beyond; empty: it may be handed out. A
/// scope token that reaches every channel is beyond one whose reach is not.
/// An administrator's bound lets every grant pass, but no later an expiry.
[[nodiscard]] std::vector<Excess> excess(const Authority& authority,
                                         const TokenRecord& wanted);

/// For an edit: what `wanted` has beyond both the authority and `before`, the
/// record that it replaces. To keep a grant is not to hand it out; but it is
/// kept no longer than `before` lives, and what is new lives no longer than
/// `until`. Not for a re-issue: whoever gets a new string gets all of its
/// grants, kept or not, and is asked as for a new token.
[[nodiscard]] std::vector<Excess> excess(const Authority& authority,
                                         const TokenRecord& before,
                                         const TokenRecord& wanted);

/// As they are told: "resources", "main wants manage, ...".
[[nodiscard]] FieldProblems problems_of(const std::vector<Excess>& found);

/// `record` with only those grants that stay within `bounds`; nullopt when
/// none is left. The same record when nothing had to go. Its expiry stays.
/// On each channel the lower of both levels is left, which takes grants on
/// subchannels where the bounds are lower there; if that makes a record that is
/// too large (max_resources, max_record_size), less is left, never more.
[[nodiscard]] std::optional<TokenRecord> cut(const TokenRecord& record,
                                             const Rights& bounds);

} // namespace psm
