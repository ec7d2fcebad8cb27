// SPDX-License-Identifier: BSD-2-Clause
//
// Whether a wanted token stays within an authority. A grant is judged on every
// channel and for as long as it lasts, because an edit may keep what may not be
// handed out, but must not spread or prolong it.

#include "authority.hpp"

#include "clock_text.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace psm {

namespace {

/// What a grant may rest upon: that it may be handed out, or that it was there
/// before. Either may be missing.
struct Ground {
    const Authority* authority = nullptr;
    const TokenRecord* before = nullptr; // of the wanted token's kind
};

Level level_on(const Ground& ground, std::string_view channel)
{
    Level level = Level::none;
    if (ground.authority != nullptr) {
        level = level_on(*ground.authority, channel);
    }
    if (ground.before != nullptr) {
        level =
            std::max(level, granted_level(ground.before->resources, channel));
    }
    return level;
}

/// Where a level may be too much first. The reach of scopes is not among them:
/// it only adds to what may be handed out, there and below.
std::set<std::string_view> named_paths(const Ground& ground,
                                       const TokenRecord& wanted)
{
    std::set<std::string_view> paths;
    const auto add = [&paths](const Resources& resources) {
        for (const auto& [path, level] : resources) {
            paths.insert(path);
        }
    };
    add(wanted.resources);
    if (ground.before != nullptr) {
        add(ground.before->resources);
    }
    if (ground.authority != nullptr) {
        for (const Rights& bound : ground.authority->bounds) {
            add(bound.resources);
        }
    }
    return paths;
}

std::string why_not(const Resources::value_type& grant, std::string_view where,
                    Level held)
{
    const auto& [path, level] = grant;
    std::string why(level_name(level));
    why += " is wanted";
    if (where != path) {
        why += " and reaches ";
        why += where;
        why += ", where";
    } else {
        why += ',';
    }
    if (held == Level::none) {
        return why + " nothing may be handed out";
    }
    why += " at most ";
    why += level_name(held);
    why += " may be handed out";
    if (where != path) {
        why += ": give ";
        why += where;
        why += " a level of its own";
    }
    return why;
}

/// One for each grant that is too much, at the first path where it is.
std::vector<Excess> resource_excess(const Ground& ground,
                                    const TokenRecord& wanted)
{
    std::vector<Excess> found;
    std::set<std::string_view> told;
    for (const std::string_view path : named_paths(ground, wanted)) {
        const auto grant = find_grant(wanted.resources, path);
        if (grant == wanted.resources.end()) {
            continue;
        }
        const Level held = level_on(ground, path);
        if (grant->second > held && told.insert(grant->first).second) {
            found.push_back({.field = "resources",
                             .value = grant->first,
                             .why = why_not(*grant, path, held)});
        }
    }
    return found;
}

/// Adds the channels of `wanted` that one of its scopes may not reach.
void add_channel_excess(const std::vector<Reach>& reaches,
                        const TokenRecord& wanted, std::vector<Excess>& found)
{
    if (wanted.channels.empty() &&
        !std::ranges::all_of(reaches, &Reach::everywhere)) {
        found.push_back({.field = "channels",
                         .value = "",
                         .why = "none is named, which reaches every channel: "
                                "name those that are meant"});
    }
    for (const std::string& path : wanted.channels) {
        const auto holds = [&path](const Reach& reach) {
            return reach.holds(path);
        };
        if (!std::ranges::all_of(reaches, holds)) {
            found.push_back({.field = "channels",
                             .value = path,
                             .why = "is out of reach of what may be handed "
                                    "out"});
        }
    }
}

/// Each scope may reach what its own ground does: before, handed out, or both.
/// One that may not be handed out at all is told of by itself; its reach is
/// judged as if it might.
std::vector<Excess> scope_excess(const Ground& ground,
                                 const TokenRecord& wanted)
{
    std::vector<Excess> found;
    std::set<std::pair<bool, bool>> kinds; // that there are: kept, handed out
    for (const std::string& scope : wanted.scopes) {
        const bool kept = ground.before != nullptr &&
                          std::ranges::count(ground.before->scopes, scope) > 0;
        const bool given =
            ground.authority != nullptr && has_scope(*ground.authority, scope);
        kinds.emplace(kept, given || !kept);
        if (!kept && !given) {
            found.push_back({.field = "scopes",
                             .value = scope,
                             .why = find_scope(scope)
                                        ? "is not a scope that may be handed "
                                          "out"
                                        : "is not a known scope"});
        }
    }
    const Reach before =
        ground.before != nullptr ? Reach(ground.before->channels) : Reach();
    const Reach handed =
        ground.authority != nullptr ? reach_of(*ground.authority) : Reach();
    std::vector<Reach> reaches;
    reaches.reserve(kinds.size());
    for (const auto& [kept, given] : kinds) {
        reaches.push_back(
            joined(kept ? before : Reach(), given ? handed : Reach()));
    }
    add_channel_excess(reaches, wanted, found);
    return found;
}

std::vector<Excess> grant_excess(const Ground& ground,
                                 const TokenRecord& wanted)
{
    return wanted.kind == TokenKind::resource ? resource_excess(ground, wanted)
                                              : scope_excess(ground, wanted);
}

/// How long the grants of `wanted` may last: what was there before no longer
/// than before, and what is handed out no longer than who hands it out.
/// `within`: none of them is too much in itself.
std::int64_t latest_expiry(const Ground& ground, const TokenRecord& wanted,
                           bool within)
{
    const std::int64_t until = ground.authority->until;
    if (ground.before == nullptr) {
        return until;
    }
    const std::int64_t before = ground.before->expires;
    const auto [first, last] = std::minmax(before, until);
    if (!within) {
        return last;
    }
    const bool kept = grant_excess({.before = ground.before}, wanted).empty();
    const bool given =
        grant_excess({.authority = ground.authority}, wanted).empty();
    if (kept != given) {
        return kept ? before : until;
    }
    return kept ? last : first;
}

std::vector<Excess> excess_of(const Ground& ground, const TokenRecord& wanted)
{
    std::vector<Excess> found = grant_excess(ground, wanted);
    const std::int64_t latest = latest_expiry(ground, wanted, found.empty());
    if (wanted.expires > latest) {
        const std::string time =
            format_time(std::clamp<std::int64_t>(latest, 0, max_time));
        found.push_back({.field = "expires_at",
                         .value = "",
                         .why = "is later than " + time +
                                ", until when these grants may be handed "
                                "out: name an earlier time"});
    }
    return found;
}

} // namespace

std::vector<Excess> excess(const Authority& authority,
                           const TokenRecord& wanted)
{
    return excess_of({.authority = &authority}, wanted);
}

std::vector<Excess> excess(const Authority& authority,
                           const TokenRecord& before, const TokenRecord& wanted)
{
    return excess_of({.authority = &authority,
                      .before = before.kind == wanted.kind ? &before : nullptr},
                     wanted);
}

FieldProblems problems_of(const std::vector<Excess>& found)
{
    FieldProblems problems;
    for (const Excess& excess : found) {
        problems.push_back(
            {excess.field,
             excess.value + (excess.value.empty() ? "" : " ") + excess.why});
    }
    return problems;
}

} // namespace psm
