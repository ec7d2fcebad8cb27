// SPDX-License-Identifier: BSD-2-Clause

#include "token_json.hpp"

#include "clock_text.hpp"
#include "json_object.hpp"
#include "quote.hpp"

#include <nlohmann/json.hpp>

namespace psm {

namespace {

using nlohmann::ordered_json;

ordered_json time_json(std::optional<std::int64_t> time)
{
    return time ? ordered_json(format_time(*time)) : ordered_json(nullptr);
}

ordered_json text_json(const std::string& text)
{
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json resources_json(const std::map<std::string, Level>& resources)
{
    ordered_json list = ordered_json::array();
    for (const auto& [channel, level] : resources) {
        list.push_back(
            {{"channel", channel}, {"permission", level_name(level)}});
    }
    return list;
}

} // namespace

ordered_json token_json(const StoredToken& token)
{
    const TokenRecord& record = token.record;
    const bool is_resource = record.kind == TokenKind::resource;
    ordered_json json{{"id", record.id},
                      {"name", record.name},
                      {"type", is_resource ? "resource" : "scope"},
                      {"owner", record.owner}};
    if (is_resource) {
        json["resources"] = resources_json(record.resources);
    } else {
        json["scopes"] = record.scopes;
        if (!record.channels.empty()) {
            json["channels"] = record.channels;
        }
    }
    const bool ends = record.expires != never_expires;
    // 0: another writer left it out.
    json["created_at"] = time_json(
        record.created != 0 ? std::optional(record.created) : std::nullopt);
    json["expires_at"] =
        time_json(ends ? std::optional(record.expires) : std::nullopt);
    json["description"] = record.description;
    json["last_used_at"] = time_json(token.last_used);
    json["disabled"] = record.disabled;
    json["rev"] = record.rev;
    json["created_by"] = record.created_by;
    if (record.deleted) {
        json["deleted_at"] = time_json(record.deleted);
    }
    if (!record.superseded_by.empty()) {
        json["superseded_by"] = record.superseded_by;
    }
    if (!record.supersedes.empty()) {
        json["supersedes"] = record.supersedes;
    }
    return json;
}

ordered_json channel_json(const StoredChannel& channel)
{
    return {{"channel", channel.path},
            {"privacy",
             channel.privacy ? privacy_name(*channel.privacy) : "invalid"}};
}

ordered_json user_json(const StoredUser& user)
{
    const UserRecord& record = user.record;
    ordered_json json{{"name", user.name},
                      {"admin", record.admin},
                      {"resources", resources_json(record.resources)},
                      {"scopes", record.scopes}};
    if (!record.channels.empty()) {
        json["channels"] = record.channels;
    }
    return json;
}

ordered_json audit_json(const AuditEntry& entry)
{
    return {{"id", entry.id},
            {"time", time_json(entry.actor.now)},
            {"what", entry.event.what},
            {"subject", text_json(entry.event.id)},
            {"who", text_json(entry.actor.who)},
            {"token_id", text_json(entry.actor.token)},
            {"client", text_json(entry.actor.client)},
            {"request_id", text_json(entry.actor.request)},
            {"before", parse_object(entry.event.before)},
            {"after", parse_object(entry.event.after)}};
}

ordered_json list_json(ordered_json items, const std::string& next)
{
    if (items.is_null()) {
        items = ordered_json::array();
    }
    return {{"items", std::move(items)}, {"next", text_json(next)}};
}

std::string dump_json(const ordered_json& json, int indent)
{
    return escape_json(
        json.dump(indent, ' ', false, ordered_json::error_handler_t::replace));
}

} // namespace psm
