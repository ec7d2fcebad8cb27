// SPDX-License-Identifier: BSD-2-Clause
//
// Every question comes down to a Demand: the scopes of which any one
// suffices, and the level that does for a resource token. An empty set is a
// question that maps to nothing; no level is an account-wide scope, for
// which channels do not count. decide() and the texts for people both read
// it, so they cannot differ.

#include "policy.hpp"

#include <algorithm>

namespace psm {

// clang-format off
constexpr std::array<ReasonInfo, reason_count> reasons{{
    {"token_ambiguous", 401, "Two different tokens were sent",
     "The request carries more than one token. Check the channel URL, .netrc "
     "and your stored logins, and keep one of them."},
    {"token_masked", 401, "A masked token was sent",
     "A placeholder stands where the token belongs, as in a copied log or "
     "lock file. Put your real token there, or log in again."},
    {"token_malformed", 401, "This is not the form of a token",
     "It may be cut off or mistyped. Copy the whole token again from where "
     "you keep it, or ask for a new one."},
    {"store_unavailable", 503, "Access cannot be checked just now",
     "The server does not reach its token store; your token is not the "
     "cause. Try again shortly, and tell the administrator if it lasts."},
    {"token_unknown", 401, "The token is not known here",
     "It was deleted or replaced, or belongs to another server. Check the "
     "address, then ask for a new token."},
    {"record_invalid", 401, "The token's record is damaged",
     "The server cannot read what this token may do. Tell the administrator, "
     "or ask for a new token."},
    {"token_disabled", 401, "The token was revoked",
     "It was disabled, deleted or replaced by a newer one. Use the newer one, "
     "or ask whoever gave it to you for another."},
    {"token_expired", 401, "The token has expired",
     "Create a new token or have this one re-issued, then put it into your "
     "channel URL or stored login."},
    {"token_missing", 401, "A token is needed here",
     "This address is not open to everyone. Put your token into the channel "
     "URL or your stored login, then try again."},
    {"action_unknown", 403, "This is no action on a channel",
     "The address or the method means nothing to the server. Check the "
     "channel URL for a typing error."},
    {"granted", 200, "The token allows this", "There is nothing to do."},
    {"public", 200, "The channel is public", "There is nothing to do."},
    {"channel_not_granted", 403, "The token does not cover this channel",
     "Check the name of the channel, or ask for a token that includes it."},
    {"scope_missing", 403, "The token lacks the scope for this",
     "The token is good, but not for this action. Ask for one with the scope "
     "that the action needs."},
    {"level_too_low", 403, "The token's permission is too low",
     "The token is good for this channel, but not for this action. Ask for "
     "write or manage permission on it."},
}};

// clang-format on

namespace {

constexpr bool is_read(Method method)
{
    return method == Method::get || method == Method::head;
}

constexpr bool names_channel(const Target& target)
{
    return target.kind != TargetKind::unknown && !target.channel.empty();
}

/// Level::none: the method means nothing.
constexpr Level level_of(Method method)
{
    switch (method) {
    case Method::get:
    case Method::head:
        return Level::read;
    case Method::post:
    case Method::put:
        return Level::write;
    case Method::patch:
    case Method::remove:
        return Level::manage;
    case Method::other:
        break;
    }
    return Level::none;
}

constexpr Scope scope_of_write(Method method)
{
    switch (method) {
    case Method::patch:
        return artifact_edit;
    case Method::remove:
        return artifact_delete;
    default:
        return artifact_create;
    }
}

Demand demand_of_artifact(const Question& question) noexcept
{
    const Level level = level_of(question.method);
    if (level == Level::none || !names_channel(question.target)) {
        return {};
    }
    const bool by_level = question.scope_levels;
    Demand demand{.level = level};
    if (level != Level::read) {
        demand.any_of = givers(scope_of_write(question.method), by_level);
        return demand;
    }
    demand.any_of = givers(artifact_download, by_level);
    if (question.target.kind == TargetKind::index) {
        const bool below =
            question.target.channel.find('/') != std::string_view::npos;
        demand.any_of = demand.any_of | givers(below ? subchannel_view_artifacts
                                                     : channel_view_artifacts,
                                               by_level);
    }
    return demand;
}

Demand demand_of_level(const Question& question) noexcept
{
    const Level own = level_of(question.method);
    if (own == Level::none || !names_channel(question.target)) {
        return {};
    }
    const Level level = std::max(question.requirement.level, own);
    return {.any_of = level_givers(level, question.scope_levels),
            .level = level,
            .by_level = true};
}

Demand demand_of_scope(const Question& question) noexcept
{
    const Scope scope = question.requirement.scope;
    const ScopeInfo& row = scopes[scope];
    return {.any_of = givers(scope, question.scope_levels),
            .level = row.on_channel ? row.level : Level::none};
}

/// What a token may do on the channel of the question.
struct Holding {
    bool within = false; // the channel is granted, or in reach
    bool enough = false; // there it suffices
};

Holding hold_of_scopes(const Identity& identity, const Demand& demand,
                       std::string_view channel, Decision& decision) noexcept
{
    const ScopeSet held = identity.scopes();
    const bool reached = !channel.empty() && identity.reaches(channel);
    if (reached) {
        decision.held = channel_level(held);
    }
    return {.within = reached || demand.level == Level::none,
            .enough = held.meets(demand.any_of)};
}

Holding hold_of_resources(const Identity& identity, const Demand& demand,
                          std::string_view channel, Decision& decision) noexcept
{
    const Identity::Grant grant = identity.grant_on(channel);
    decision.held = grant.level;
    decision.grant = grant.path;
    if (demand.level == Level::none) {
        return {.within = true};
    }
    return {.within = !grant.path.empty(),
            .enough = grant.level >= demand.level};
}

Reason reason_of_anonymous(bool public_read, ChannelPrivacy privacy) noexcept
{
    if (public_read && privacy == ChannelPrivacy::unavailable) {
        return Reason::store_unavailable;
    }
    return public_read && privacy == ChannelPrivacy::open
               ? Reason::open
               : Reason::token_missing;
}

/// The rows of the table from token_disabled on.
Decision decide_known(const Question& question, const Identity& identity,
                      ChannelPrivacy privacy, std::int64_t now) noexcept
{
    const Demand demand = demand_of(question);
    const bool by_scopes = identity.kind() == TokenKind::scope;
    Decision decision;
    const Holding holding = (by_scopes ? hold_of_scopes : hold_of_resources)(
        identity, demand, question.target.channel, decision);

    const auto with = [&decision](Reason reason) {
        decision.reason = reason;
        return decision;
    };
    if (identity.disabled()) {
        return with(Reason::token_disabled);
    }
    if (now >= identity.expires()) {
        return with(Reason::token_expired);
    }
    if (demand.any_of.empty()) {
        return with(Reason::action_unknown);
    }
    if (holding.within && holding.enough) {
        return with(Reason::granted);
    }
    if (is_public_read(question)) {
        if (privacy == ChannelPrivacy::unavailable) {
            return with(Reason::store_unavailable);
        }
        if (privacy == ChannelPrivacy::open) {
            return with(Reason::open);
        }
        // A scope token stands for a user who may read; a resource token is
        // meant for its channels alone.
        if (privacy == ChannelPrivacy::authenticated && by_scopes &&
            holding.enough) {
            return with(Reason::granted);
        }
    }
    if (!holding.within) {
        return with(Reason::channel_not_granted);
    }
    return with(by_scopes || demand.level == Level::none
                    ? Reason::scope_missing
                    : Reason::level_too_low);
}

} // namespace

Method find_method(std::string_view name) noexcept
{
    struct Row {
        std::string_view name;
        Method method;
    };

    static constexpr Row rows[] = {
        {"GET", Method::get},     {"HEAD", Method::head},
        {"POST", Method::post},   {"PUT", Method::put},
        {"PATCH", Method::patch}, {"DELETE", Method::remove},
    };
    const auto* const found = std::ranges::find(rows, name, &Row::name);
    return found == std::end(rows) ? Method::other : found->method;
}

Requirement parse_requirement(std::string_view text) noexcept
{
    if (text == "auto") {
        return {.kind = Requirement::Kind::automatic};
    }
    if (const auto level = find_level(text)) {
        return {.kind = Requirement::Kind::level, .level = *level};
    }
    if (const auto scope = find_scope(text)) {
        return {.kind = Requirement::Kind::scope, .scope = *scope};
    }
    return {.kind = Requirement::Kind::unknown};
}

bool is_public_read(const Question& question) noexcept
{
    const Requirement& requirement = question.requirement;
    const bool asks_to_read =
        requirement.kind == Requirement::Kind::automatic ||
        (requirement.kind == Requirement::Kind::level &&
         requirement.level == Level::read);
    return asks_to_read && is_read(question.method) &&
           names_channel(question.target);
}

Demand demand_of(const Question& question) noexcept
{
    if (question.target.misleading) {
        return {};
    }
    switch (question.requirement.kind) {
    case Requirement::Kind::automatic:
        return demand_of_artifact(question);
    case Requirement::Kind::level:
        return demand_of_level(question);
    case Requirement::Kind::scope:
        return demand_of_scope(question);
    case Requirement::Kind::unknown:
        break;
    }
    return {};
}

Decision decide(const Question& question, const Holder& holder,
                ChannelPrivacy privacy, std::int64_t now) noexcept
{
    switch (holder.standing) {
    case Standing::anonymous:
        return {.reason =
                    reason_of_anonymous(is_public_read(question), privacy)};
    case Standing::ambiguous:
        return {.reason = Reason::token_ambiguous};
    case Standing::masked:
        return {.reason = Reason::token_masked};
    case Standing::malformed:
        return {.reason = Reason::token_malformed};
    case Standing::unavailable:
        return {.reason = Reason::store_unavailable};
    case Standing::unknown:
        return {.reason = Reason::token_unknown};
    case Standing::invalid:
        return {.reason = Reason::record_invalid};
    case Standing::known:
        break;
    }
    return decide_known(question, holder.identity, privacy, now);
}

} // namespace psm
