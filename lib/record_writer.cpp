// SPDX-License-Identifier: BSD-2-Clause
//
// Writing records: for the command line and the API. Keys stand in the order
// of design.md section 6, so that two writers write the same bytes.

#include "record.hpp"

#include "record_members.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm {

namespace {

constexpr std::string_view privacy_names[] = {"public", "authenticated",
                                              "private"};

} // namespace

std::string_view privacy_name(Privacy privacy) noexcept
{
    return privacy_names[static_cast<std::size_t>(privacy)];
}

std::optional<Privacy> find_privacy(std::string_view name) noexcept
{
    const auto* const found = std::ranges::find(privacy_names, name);
    if (found == std::end(privacy_names)) {
        return std::nullopt;
    }
    return static_cast<Privacy>(found - std::begin(privacy_names));
}

nlohmann::ordered_json
resources_json(const std::map<std::string, Level>& resources)
{
    auto json = nlohmann::ordered_json::object();
    for (const auto& [path, level] : resources) {
        json[path] = level_name(level);
    }
    return json;
}

/// Throws when a text is not UTF-8: such a record must not be written.
std::string encode_token_record(const TokenRecord& record)
{
    nlohmann::ordered_json json{
        {"v", record_version}, {"id", record.id},       {"rev", record.rev},
        {"name", record.name}, {"owner", record.owner},
    };
    if (record.kind == TokenKind::resource) {
        json["type"] = "resource";
        json["resources"] = resources_json(record.resources);
    } else {
        json["type"] = "scope";
        json["scopes"] = record.scopes;
        if (!record.channels.empty()) {
            json["channels"] = record.channels;
        }
    }
    if (record.created != 0) {
        json["created"] = record.created;
    }
    if (record.expires != never_expires) {
        json["expires"] = record.expires;
    }
    if (!record.description.empty()) {
        json["desc"] = record.description;
    }
    if (!record.created_by.empty()) {
        json["by"] = record.created_by;
    }
    if (record.disabled) {
        json["disabled"] = true;
    }
    if (record.deleted) {
        json["deleted"] = *record.deleted;
    }
    if (!record.superseded_by.empty()) {
        json["superseded_by"] = record.superseded_by;
    }
    if (!record.supersedes.empty()) {
        json["supersedes"] = record.supersedes;
    }
    return json.dump();
}

std::string update_token_record(std::string_view before,
                                const TokenRecord& record)
{
    auto json = nlohmann::ordered_json::parse(encode_token_record(record));
    const auto old = nlohmann::ordered_json::parse(before);
    const auto keys = token_record_keys();
    for (const auto& [key, value] : old.items()) {
        if (std::ranges::find(keys, key) == keys.end()) {
            json[key] = value;
        }
    }
    return json.dump();
}

std::string encode_channel_record(Privacy privacy)
{
    return nlohmann::ordered_json{{"v", record_version},
                                  {"privacy", privacy_name(privacy)}}
        .dump();
}

} // namespace psm
