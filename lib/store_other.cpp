// SPDX-License-Identifier: BSD-2-Clause
//
// What the store holds beside tokens: channels, users, the audit streams.

#include "channel.hpp"
#include "store.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm {

namespace {

using nlohmann::ordered_json;

std::string with_privacy(const std::string& before, Privacy privacy)
{
    Privacy old{};
    if (before.empty() || decode_channel_record(before, old)) {
        return encode_channel_record(privacy);
    }
    ordered_json json = ordered_json::parse(before);
    json["privacy"] = privacy_name(privacy);
    return json.dump();
}

std::vector<std::string> sorted_texts(RedisValue reply)
{
    std::vector<std::string> texts;
    for (RedisValue& element : reply.elements) {
        texts.push_back(std::move(element.text));
    }
    std::ranges::sort(texts);
    return texts;
}

StoredUser read_user(std::string name, const RedisValue& value)
{
    StoredUser user{.name = std::move(name),
                    .json = value.text,
                    .record = {},
                    .problem = {}};
    user.problem = decode_user_record(user.json, user.record);
    if (user.problem) {
        user.record = UserRecord{};
    }
    return user;
}

} // namespace

Task<std::vector<StoredChannel>> Store::channels()
{
    RedisValue listed = co_await members(key("ix:", "c"));
    std::vector<std::string> paths = sorted_texts(std::move(listed));
    const std::vector<RedisValue> records = co_await get_all("c:", paths);
    std::vector<StoredChannel> channels;
    for (std::size_t i = 0; i < records.size(); i++) {
        if (records[i].is_nil()) {
            continue;
        }
        Privacy privacy{};
        StoredChannel channel{.path = paths[i], .privacy = std::nullopt};
        if (!decode_channel_record(records[i].text, privacy)) {
            channel.privacy = privacy;
        }
        channels.push_back(std::move(channel));
    }
    co_return channels;
}

Task<bool> Store::set_privacy(std::string path, Privacy privacy, Actor actor,
                              Premises premises)
{
    const std::string name = key("c:", path);
    const RedisValue found = co_await get(name);
    const std::string after = with_privacy(found.text, privacy);
    Transaction change;
    change.expect(premises);
    change.expect(name, found.text);
    change.set(name, after, std::nullopt);
    change.include(key("ix:", "c"), path);
    add_audit(change, audit_event("channel set", path, found.text, after),
              actor);
    const bool done = co_await commit(std::move(change));
    co_return done;
}

Task<Store::FoundPrivacy> Store::find_privacy(std::string channel,
                                              Privacy otherwise)
{
    std::vector<std::string> paths;
    for (std::string_view path = channel; !path.empty();
         path = parent_channel(path)) {
        paths.emplace_back(path);
    }
    const std::vector<RedisValue> records = co_await get_all("c:", paths);
    for (std::size_t i = 0; i < records.size(); i++) {
        if (records[i].is_nil()) {
            continue;
        }
        FoundPrivacy found{.privacy = std::nullopt, .channel = paths[i]};
        Privacy privacy{};
        if (!decode_channel_record(records[i].text, privacy)) {
            found.privacy = privacy;
        }
        co_return found;
    }
    co_return FoundPrivacy{.privacy = otherwise, .channel = {}};
}

Task<std::optional<StoredUser>> Store::find_user(std::string name)
{
    const RedisValue value = co_await get(key("user:", name));
    if (value.is_nil()) {
        co_return std::nullopt;
    }
    co_return read_user(std::move(name), value);
}

Task<std::vector<StoredUser>> Store::users()
{
    RedisValue listed = co_await members(key("ix:", "u"));
    std::vector<std::string> names = sorted_texts(std::move(listed));
    const std::vector<RedisValue> records = co_await get_all("user:", names);
    std::vector<StoredUser> users;
    for (std::size_t i = 0; i < records.size(); i++) {
        if (!records[i].is_nil()) {
            users.push_back(read_user(names[i], records[i]));
        }
    }
    co_return users;
}

Task<bool> Store::set_user(std::string name, std::optional<StoredUser> before,
                           UserRecord after, Actor actor)
{
    const std::string old = before ? before->json : "";
    const std::string json = update_user_record(old, after);
    Transaction change;
    change.expect(key("user:", name), old);
    change.set(key("user:", name), json, std::nullopt);
    change.include(key("ix:", "u"), name);
    add_audit(change, audit_event("user set", name, old, json), actor);
    const bool done = co_await commit(std::move(change));
    co_return done;
}

Task<std::vector<AuditEntry>> Store::audit(AuditStream stream,
                                           std::string after, std::size_t limit)
{
    std::vector<std::string> words{
        "XRANGE", audit_key(stream), after.empty() ? "-" : "(" + after,
        "+",      "COUNT",           std::to_string(limit)};
    const RedisValue reply = co_await ask(std::move(words));
    co_return read_audit(reply);
}

Task<void> Store::note(AuditEvent event, Actor actor)
{
    Transaction change;
    change.append(audit_key(AuditStream::denied), denied_length,
                  audit_fields(event, actor));
    co_await commit(std::move(change));
}

std::string Store::audit_key(AuditStream stream) const
{
    return key("", stream == AuditStream::done ? "audit" : "audit:denied");
}

} // namespace psm
