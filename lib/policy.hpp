// SPDX-License-Identifier: BSD-2-Clause
//
// The decision: one pure function from what is asked, by whom, about which
// channel, at what time, to an answer with a reason. Status, log line,
// variable, body and counter all derive from the table of reasons.

#pragma once

#include "identity.hpp"
#include "record.hpp"
#include "scope.hpp"
#include "target.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace psm {

/// In the order in which they are tried: the first that applies wins.
enum class Reason : std::uint8_t {
    token_ambiguous,
    token_masked,
    token_malformed,
    store_unavailable,
    token_unknown,
    record_invalid,
    token_disabled,
    token_expired,
    token_missing,
    action_unknown,
    granted,
    open, // "public" in the table
    channel_not_granted,
    scope_missing,
    level_too_low,
};

struct ReasonInfo {
    std::string_view code;  // $psm_token_status, `code` of the body
    std::uint16_t status;   // HTTP; 200 means "go on"
    std::string_view title; // what happened
    std::string_view help;  // what the person can do next
};

inline constexpr std::size_t reason_count = 15;
extern const std::array<ReasonInfo, reason_count> reasons;

[[nodiscard]] inline const ReasonInfo& info(Reason reason) noexcept
{
    return reasons[static_cast<std::size_t>(reason)];
}

/// The methods that mean something to the gate.
enum class Method : std::uint8_t { get, head, post, put, patch, remove, other };

/// From the name on the wire, case-sensitive (RFC 9110 section 9.1).
[[nodiscard]] Method find_method(std::string_view name) noexcept;

/// The value of psm_token_require.
struct Requirement {
    enum class Kind : std::uint8_t { automatic, level, scope, unknown };

    Kind kind = Kind::automatic;
    Level level = Level::none; // kind == level
    Scope scope = 0;           // kind == scope
};

/// "auto", a level or the name of a scope; anything else, and an empty
/// value, is Kind::unknown.
[[nodiscard]] Requirement parse_requirement(std::string_view text) noexcept;

struct Question {
    Method method = Method::other;
    Target target{};
    Requirement requirement{};
    bool scope_levels = false;
};

/// How far the request got in saying who it is.
enum class Standing : std::uint8_t {
    anonymous,   // no token
    ambiguous,   // \ no look-up was made
    masked,      // |
    malformed,   // /
    unavailable, // the store did not say
    unknown,     // the store has no such token
    invalid,     // the record breaks the rules
    known,       // `identity` holds the record
};

struct Holder {
    Standing standing = Standing::anonymous;
    Identity identity{};
};

/// The privacy of the channel, or that it could not be read.
enum class ChannelPrivacy : std::uint8_t {
    open,
    authenticated,
    closed,
    unavailable,
};

struct Decision {
    Reason reason = Reason::store_unavailable;
    /// The level held on the target: a resource token's grant, or the
    /// highest level of a scope token's scopes that act on channels there.
    Level held = Level::none;
    /// The resource token's grant that was matched; empty otherwise.
    std::string_view grant{};

    [[nodiscard]] bool allow() const noexcept
    {
        return info(reason).status == 200;
    }
};

/// `now` in unix seconds. The result's views point into the arguments.
[[nodiscard]] Decision decide(const Question& question, const Holder& holder,
                              ChannelPrivacy privacy,
                              std::int64_t now) noexcept;

/// Whether the answer can depend on the privacy of the channel at all: it
/// does for reads only. Without it no look-up of the channel is needed.
[[nodiscard]] bool is_public_read(const Question& question) noexcept;

/// What the question demands, for people: the scopes of which one suffices
/// and the level of a resource token. Level::none: no resource token can.
struct Demand {
    ScopeSet any_of{};
    Level level = Level::none;
    bool by_level = false; // any_of lists the scopes of `level`
};

[[nodiscard]] Demand demand_of(const Question& question) noexcept;

} // namespace psm
