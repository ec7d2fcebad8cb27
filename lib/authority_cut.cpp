// SPDX-License-Identifier: BSD-2-Clause
//
// What is left of a token within the bounds of its owner.
//
// "None" is no level that a record can hold, so that a grant cannot be taken
// back below itself: where the bounds had a hole below a granted channel, the
// wider grant would have to go. Decoded records have no such hole, because
// whatever gives something on a channel gives something on all that lies below
// it (a lower level, but one), and so does the lower of two such; cut() does
// not rely on it.

#include "authority.hpp"

#include "channel.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace psm {

namespace {

constexpr std::size_t punctuation = 3; // of a word: quotes and what follows

/// Whether a grant says what a wider one says already.
bool is_repetition(const Resources& resources,
                   const Resources::value_type& grant)
{
    const auto& [path, level] = grant;
    return granted_level(resources, parent_channel(path)) == level;
}

/// The lower level of both on every path that one of them names, and nothing
/// on those below which there is nothing.
Resources lower_levels(const Resources& held, const Rights& bounds)
{
    std::set<std::string_view> paths(bounds.channels.begin(),
                                     bounds.channels.end());
    for (const auto& [path, level] : bounds.resources) {
        paths.insert(path);
    }
    for (const auto& [path, level] : held) {
        paths.insert(path);
    }
    Resources lower;
    std::vector<std::string_view> holes;
    for (const std::string_view path : paths) {
        const Level level =
            std::min(granted_level(held, path), level_on(bounds, path));
        if (level == Level::none) {
            holes.push_back(path);
        } else {
            lower.emplace(path, level);
        }
    }
    std::erase_if(lower, [&holes](const auto& grant) {
        return std::ranges::any_of(holes, [&grant](std::string_view hole) {
            return covers(grant.first, hole);
        });
    });
    return lower;
}

void drop_repetitions(Resources& resources)
{
    std::erase_if(resources, [&resources](const auto& grant) {
        return is_repetition(resources, grant);
    });
}

/// Takes one grant away without giving more where it stood: what covers it
/// goes down to its level. First those whose channel stays covered by another,
/// and of them the deepest.
void drop_one(Resources& resources)
{
    const auto rank = [&resources](const Resources::value_type& grant) {
        const std::string& path = grant.first;
        const bool covered =
            granted_level(resources, parent_channel(path)) != Level::none;
        return std::tuple(covered, std::ranges::count(path, '/'), path);
    };
    const auto victim = std::ranges::max_element(resources, {}, rank);
    const auto [path, level] = *victim;
    resources.erase(victim);
    const auto wider = find_grant(resources, path);
    if (wider != resources.end()) {
        resources[wider->first] = std::min(wider->second, level);
    }
}

std::size_t size_of(const Resources& resources)
{
    std::size_t size = 0;
    for (const auto& [path, level] : resources) {
        size += path.size() + level_name(level).size() + 2 * punctuation;
    }
    return size;
}

std::size_t size_of(const std::vector<std::string>& channels)
{
    std::size_t size = 0;
    for (const std::string& path : channels) {
        size += path.size() + punctuation;
    }
    return size;
}

/// What a record may take up beside what is in it already.
std::size_t room_in(const TokenRecord& record)
{
    constexpr std::string_view key = R"(,"channels":[])";
    const std::size_t size = encode_token_record(record).size() + key.size();
    return size < max_record_size ? max_record_size - size : 0;
}

template <typename Grants>
bool fits(const Grants& grants, std::size_t room)
{
    return grants.size() <= max_resources && size_of(grants) <= room;
}

/// Whether both say the same on every channel.
bool same_levels(const Resources& a, const Resources& b)
{
    const auto says = [](const Resources& one, const Resources& other) {
        return std::ranges::all_of(other, [&one](const auto& grant) {
            return granted_level(one, grant.first) == grant.second;
        });
    };
    return says(a, b) && says(b, a);
}

/// Until it fits: first what says nothing new, then what must.
void shrink(Resources& resources, std::size_t room)
{
    if (fits(resources, room)) {
        return;
    }
    drop_repetitions(resources);
    while (!fits(resources, room)) {
        drop_one(resources);
        drop_repetitions(resources);
    }
}

std::optional<TokenRecord> cut_resources(const TokenRecord& record,
                                         const Rights& bounds)
{
    Resources left = lower_levels(record.resources, bounds);
    if (left.empty()) {
        return std::nullopt;
    }
    if (same_levels(left, record.resources)) {
        return record;
    }
    // A repetition that the record had is its owner's to keep.
    std::erase_if(left, [&left, &record](const auto& grant) {
        return !record.resources.contains(grant.first) &&
               is_repetition(left, grant);
    });
    TokenRecord rest = record;
    rest.resources.clear();
    shrink(left, room_in(rest));
    if (left.empty()) {
        return std::nullopt;
    }
    rest.resources = std::move(left);
    return rest;
}

std::optional<TokenRecord> cut_scopes(const TokenRecord& record,
                                      const Rights& bounds)
{
    TokenRecord rest = record;
    std::erase_if(rest.scopes, [&bounds](const std::string& scope) {
        return !has_scope(bounds, scope);
    });
    const Reach reach = common(Reach(record.channels), Reach(bounds.channels));
    if (reach.nowhere() || rest.scopes.empty()) {
        return std::nullopt;
    }
    if (reach.channels() == record.channels) {
        return rest;
    }
    rest.channels.clear();
    const std::size_t room = room_in(rest);
    rest.channels = reach.channels();
    while (!fits(rest.channels, room)) {
        rest.channels.pop_back();
    }
    // None at all would mean everywhere.
    if (rest.channels.empty()) {
        return std::nullopt;
    }
    return rest;
}

} // namespace

std::optional<TokenRecord> cut(const TokenRecord& record, const Rights& bounds)
{
    if (bounds.everything) {
        return record;
    }
    return record.kind == TokenKind::scope ? cut_scopes(record, bounds)
                                           : cut_resources(record, bounds);
}

} // namespace psm
