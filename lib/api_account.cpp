// SPDX-License-Identifier: BSD-2-Clause
//
// GET /account and what is below it: who asks, and what he may hand out.

#include "api_call.hpp"
#include "api_problem.hpp"
#include "channel.hpp"
#include "clock_text.hpp"
#include "token_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace psm {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t max_offset = 1000000;

ordered_json scopes_json(const Authority& authority)
{
    ordered_json names = ordered_json::array();
    const ScopeSet set = scopes_of(authority);
    for (Scope scope = 0; scope < scope_count; scope++) {
        if (set.has(scope)) {
            names.push_back(scopes[scope].name);
        }
    }
    return names;
}

/// The paths between which no level changes.
std::set<std::string> paths_of(const Authority& authority)
{
    std::set<std::string> paths;
    for (const Rights& rights : authority.bounds) {
        for (const auto& [path, level] : rights.resources) {
            paths.insert(path);
        }
        paths.insert(rights.channels.begin(), rights.channels.end());
    }
    return paths;
}

ordered_json grants_json(const Authority& authority)
{
    const bool everything =
        !authority.bounds.empty() &&
        std::ranges::all_of(authority.bounds, &Rights::everything);
    const Reach reach = reach_of(authority);
    ordered_json resources = ordered_json::array();
    for (const std::string& path : paths_of(authority)) {
        const Level level = level_on(authority, path);
        if (level != Level::none) {
            resources.push_back(
                {{"channel", path}, {"permission", level_name(level)}});
        }
    }
    ordered_json json{{"everything", everything},
                      {"resources", std::move(resources)},
                      {"scopes", scopes_json(authority)}};
    if (!reach.everywhere()) {
        json["channels"] = reach.channels();
    }
    return json;
}

ordered_json time_or_null(std::int64_t time)
{
    return time > max_time ? ordered_json(nullptr)
                           : ordered_json(format_time(time));
}

ordered_json level_json(Level level)
{
    return level == Level::none ? ordered_json(nullptr)
                                : ordered_json(level_name(level));
}

/// The channels that have a record, and those that the caller's own rights
/// name: the former by their privacy, the latter by that of all others.
Task<std::map<std::string, std::optional<Privacy>>>
known_channels(ApiCall* call)
{
    std::map<std::string, std::optional<Privacy>> known;
    const std::vector<StoredChannel> stored = co_await call->store->channels();
    for (const StoredChannel& channel : stored) {
        known.emplace(channel.path, channel.privacy);
    }
    for (const std::string& path : paths_of(call->caller.authority)) {
        std::string_view above = path;
        while (!above.empty() && !known.contains(std::string(above))) {
            above = parent_channel(above);
        }
        known.emplace(path, above.empty() ? call->limits->privacy
                                          : known.at(std::string(above)));
    }
    std::erase_if(known, [call](const auto& channel) {
        return !may_see(call->caller, channel.first);
    });
    co_return known;
}

/// Which part of the list is asked for.
struct Part {
    std::size_t offset = 0;
    std::size_t limit = max_offset;
    bool subchannels = true;
};

Part read_part(const ApiArgs& args)
{
    FieldProblems problems;
    Part part;
    part.offset = args.number("offset", 0, max_offset, problems).value_or(0);
    part.limit =
        args.number("limit", 1, max_offset, problems).value_or(max_offset);
    part.subchannels =
        args.flag("include_subchannels", problems).value_or(true);
    refuse_if_any(std::move(problems));
    return part;
}

} // namespace

Task<ApiResponse> show_account(ApiCall* call)
{
    const Caller& caller = call->caller;
    const Authority authority = hand_out(caller);
    ordered_json roles = ordered_json::array();
    if (caller.admin) {
        roles.push_back("admin");
    }
    const std::int64_t max_age = call->limits->max_age;
    const std::int64_t latest =
        max_age > 0 ? call->request->now + max_age : never_expires;
    co_return json_response(
        {{"user_id", caller.user},
         {"username", caller.user},
         {"admin", caller.admin},
         {"roles", std::move(roles)},
         {"default_channel_name", nullptr},
         {"token",
          caller.token ? token_json(*caller.token) : ordered_json(nullptr)},
         {"may_view_tokens", may(caller, "user.token:view")},
         {"may_edit_tokens", may(caller, "user.token:edit")},
         {"grants", grants_json(authority)},
         {"latest_expires_at", time_or_null(std::min(authority.until, latest))},
         {"default_age", call->limits->default_age}});
}

Task<ApiResponse> list_scopes(ApiCall* call)
{
    co_return json_response({{"scopes", scopes_json(hand_out(call->caller))}});
}

Task<ApiResponse> list_channels(ApiCall* call)
{
    const Part part = read_part(call->args);
    std::map<std::string, std::optional<Privacy>> known =
        co_await known_channels(call);
    if (!part.subchannels) {
        std::erase_if(known, [](const auto& channel) {
            return channel.first.find('/') != std::string::npos;
        });
    }
    const Authority authority = hand_out(call->caller);
    ordered_json items = ordered_json::array();
    std::size_t at = 0;
    for (const auto& [path, privacy] : known) {
        if (at >= part.offset && items.size() < part.limit) {
            ordered_json item =
                channel_json({.path = path, .privacy = privacy});
            item["name"] = path;
            item["permission"] = level_json(level_on(authority, path));
            items.push_back(std::move(item));
        }
        at++;
    }
    ordered_json json = list_json(std::move(items));
    json["total_count"] = known.size();
    co_return json_response(json);
}

Task<ApiResponse> show_own_token(ApiCall* call)
{
    ordered_json json = token_json(*call->caller.token);
    json["state"] =
        state_name(state_of(call->caller.token->record, call->request->now));
    co_return json_response(json);
}

} // namespace psm
