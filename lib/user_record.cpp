// SPDX-License-Identifier: BSD-2-Clause

#include "user_record.hpp"

#include "record.hpp"
#include "record_members.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace psm {

namespace {

constexpr std::array<Member<UserRecord>, 5> user_members{{
    {"v", true, [](Field& f, UserRecord&) { return take_version(f); }},
    {"admin", false,
     [](Field& f, UserRecord& r) { return take_flag(f, r.admin); }},
    {"resources", false,
     [](Field& f, UserRecord& r) { return take_resources(f, r.resources); }},
    {"scopes", false,
     [](Field& f, UserRecord& r) { return take_scopes(f, r.scopes); }},
    {"channels", false,
     [](Field& f, UserRecord& r) { return take_channels(f, r.channels); }},
}};

} // namespace

std::optional<std::string> decode_user_record(std::string_view json,
                                              UserRecord& out)
{
    out = UserRecord{};
    std::array<Field, user_members.size()> fields;
    auto problem = take_members(json, user_members, fields, out);
    if (!problem && !out.channels.empty() && out.scopes.empty()) {
        problem = about("channels", "does not belong to a user without scopes");
    }
    if (problem) {
        out = UserRecord{};
    }
    return problem;
}

std::string encode_user_record(const UserRecord& record)
{
    nlohmann::ordered_json json{{"v", record_version}};
    if (record.admin) {
        json["admin"] = true;
    }
    if (!record.resources.empty()) {
        json["resources"] = resources_json(record.resources);
    }
    if (!record.scopes.empty()) {
        json["scopes"] = record.scopes;
    }
    if (!record.channels.empty()) {
        json["channels"] = record.channels;
    }
    return json.dump();
}

std::string update_user_record(std::string_view before,
                               const UserRecord& record)
{
    UserRecord old;
    std::string json = encode_user_record(record);
    if (decode_user_record(before, old)) {
        return json;
    }
    auto updated = nlohmann::ordered_json::parse(json);
    const auto whole = nlohmann::ordered_json::parse(before);
    for (const auto& [key, value] : whole.items()) {
        if (std::ranges::find(user_members, key, &Member<UserRecord>::key) ==
            user_members.end()) {
            updated[key] = value;
        }
    }
    return updated.dump();
}

} // namespace psm
