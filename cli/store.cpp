// SPDX-License-Identifier: BSD-2-Clause
//
// The scripts get the time as an argument and declare their keys, so they do
// the same on a replica and are fit for a proxy. A record is replaced only
// where it still is byte for byte what was read: stricter than its `rev`, and
// it covers records whose `rev` cannot be read. Records are edited as JSON,
// so that members of other systems survive.

#include "store.hpp"

#include "command.hpp"
#include "redis_sentinel.hpp"

#include "../lib/channel.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

// Deleted and expired records stay this long, so that people see why a job
// broke.
constexpr std::int64_t grave_seconds = std::int64_t{30} * 24 * 3600;

constexpr std::size_t batch = 500;
constexpr int max_attempts = 10;

// Keys:  record, id, all, owner, expiry, audit.
// Words: record, digest, id, created, expires or "", end in ms or "",
//        who, now.
constexpr std::string_view create_script = R"lua(
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[3])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[3])
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[5], ARGV[5], ARGV[3]) end
if ARGV[6] ~= '' then
  redis.call('PEXPIREAT', KEYS[1], ARGV[6])
  redis.call('PEXPIREAT', KEYS[2], ARGV[6])
end
redis.call('XADD', KEYS[6], 'MAXLEN', '~', '100000', '*', 'who', ARGV[7],
  'what', 'create', 'id', ARGV[3], 'when', ARGV[8])
return 1
)lua";

// Keys:  record, id, all, expiry, audit, and owner where it is known.
// Words: record as read, tombstone or "" (delete it), id, end in ms, who, now.
constexpr std::string_view remove_script = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1], KEYS[2])
else
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('PEXPIREAT', KEYS[1], ARGV[4])
  redis.call('PEXPIREAT', KEYS[2], ARGV[4])
end
redis.call('ZREM', KEYS[3], ARGV[3])
redis.call('ZREM', KEYS[4], ARGV[3])
if KEYS[6] then redis.call('ZREM', KEYS[6], ARGV[3]) end
redis.call('XADD', KEYS[5], 'MAXLEN', '~', '100000', '*', 'who', ARGV[5],
  'what', 'delete', 'id', ARGV[3], 'when', ARGV[6])
return 1
)lua";

// Keys:  record. Words: record as read. What it writes is what is there, but a
// replica that confirms it has all that came before.
constexpr std::string_view again_script = R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return 1
)lua";

// Keys:  record, index, audit.
// Words: record as read or "", new record, channel, who, now, privacy.
constexpr std::string_view privacy_script = R"lua(
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', '100000', '*', 'who', ARGV[4],
  'what', 'channel set', 'id', ARGV[3], 'when', ARGV[5],
  'privacy', ARGV[6])
return 1
)lua";

/// Unix seconds as Redis keeps them; other text counts as none.
std::optional<std::int64_t> parse_seconds(const std::string& text)
{
    std::int64_t seconds = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, seconds);
    const bool good = error == std::errc() && stop == end && seconds >= 0 &&
                      seconds <= max_time;
    return good ? std::optional(seconds) : std::nullopt;
}

StoredToken read_token(std::string digest, const RedisValue& value)
{
    StoredToken token;
    token.digest = std::move(digest);
    token.json = value.text;
    token.problem = decode_token_record(token.json, token.record);
    return token;
}

std::string end_of(std::int64_t last_use)
{
    return std::to_string((last_use + grave_seconds) * 1000);
}

/// The record as a tombstone; empty when it is not one that can be edited.
std::string tombstone_of(const StoredToken& token, std::int64_t now)
{
    if (token.problem) {
        return {};
    }
    ordered_json json = ordered_json::parse(token.json);
    json["rev"] = token.record.rev + 1;
    json["deleted"] = now;
    return json.dump();
}

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

[[noreturn]] void give_up(std::string_view what)
{
    throw Failure(cannot_tell, std::string(what) +
                                   " is being changed by others all the "
                                   "time: nothing was done, try again");
}

} // namespace

Store::Store(const RedisAddress& address)
    : prefix_(address.prefix), redis_(connect_redis(address))
{
}

bool Store::create(const TokenRecord& record, std::string_view digest,
                   const Change& change)
{
    const bool ends = record.expires != never_expires;
    const RedisValue value = run_script(
        create_script,
        {key("t:", digest), key("i:", record.id), key("ix:", "all"),
         key("ix:o:", record.owner), key("ix:", "exp"), key("", "audit")},
        {encode_token_record(record), std::string(digest), record.id,
         std::to_string(record.created),
         ends ? std::to_string(record.expires) : "",
         ends ? end_of(record.expires) : "", change.who,
         std::to_string(change.now)});
    return value.integer == 1;
}

std::optional<StoredToken> Store::find_id(std::string_view id)
{
    const RedisValue digest = redis_->run({"GET", key("i:", id)});
    if (digest.is_nil()) {
        return std::nullopt;
    }
    return find_digest(digest.text);
}

std::optional<StoredToken> Store::find_digest(std::string_view digest)
{
    const RedisValue value = redis_->run({"GET", key("t:", digest)});
    if (value.is_nil()) {
        return std::nullopt;
    }
    std::vector<StoredToken> tokens{read_token(std::string(digest), value)};
    add_last_used(tokens);
    return std::move(tokens.front());
}

std::vector<StoredToken> Store::list(std::string_view owner)
{
    const std::string index =
        owner.empty() ? key("ix:", "all") : key("ix:o:", owner);
    std::vector<std::string> ids;
    for (RedisValue& id : redis_->run({"ZRANGE", index, "0", "-1"}).elements) {
        ids.push_back(std::move(id.text));
    }

    // An id without a digest, or a digest without a record, has run out
    // since: the index is only cleaned by a change.
    std::vector<std::string> digests;
    for (RedisValue& digest : get_all("i:", ids)) {
        if (!digest.is_nil()) {
            digests.push_back(std::move(digest.text));
        }
    }
    const std::vector<RedisValue> records = get_all("t:", digests);
    std::vector<StoredToken> tokens;
    for (std::size_t i = 0; i < records.size(); i++) {
        if (!records[i].is_nil()) {
            tokens.push_back(read_token(digests[i], records[i]));
        }
    }
    add_last_used(tokens);
    return tokens;
}

Store::Removal Store::remove(std::string_view id, const Change& change)
{
    for (int attempt = 0; attempt < max_attempts; attempt++) {
        const auto token = find_id(id);
        if (!token) {
            return Removal::unknown;
        }
        if (!token->problem && token->record.deleted) {
            write_again(*token);
            return Removal::done_before;
        }
        if (remove_once(*token, id, change)) {
            return Removal::done;
        }
    }
    give_up("token " + std::string(id));
}

bool Store::remove_once(const StoredToken& token, std::string_view id,
                        const Change& change)
{
    std::vector<std::string> keys{key("t:", token.digest), key("i:", id),
                                  key("ix:", "all"), key("ix:", "exp"),
                                  key("", "audit")};
    if (!token.record.owner.empty()) {
        keys.push_back(key("ix:o:", token.record.owner));
    }
    const RedisValue value = run_script(
        remove_script, keys,
        {token.json, tombstone_of(token, change.now), std::string(id),
         end_of(change.now), change.who, std::to_string(change.now)});
    return value.integer == 1;
}

void Store::write_again(const StoredToken& token)
{
    run_script(again_script, {key("t:", token.digest)}, {token.json});
}

void Store::set_privacy(std::string_view channel, Privacy privacy,
                        const Change& change)
{
    for (int attempt = 0; attempt < max_attempts; attempt++) {
        const std::string before =
            redis_->run({"GET", key("c:", channel)}).text;
        const RedisValue value = run_script(
            privacy_script,
            {key("c:", channel), key("ix:", "c"), key("", "audit")},
            {before, with_privacy(before, privacy), std::string(channel),
             change.who, std::to_string(change.now),
             std::string(privacy_name(privacy))});
        if (value.integer == 1) {
            return;
        }
    }
    give_up("channel " + std::string(channel));
}

Replication Store::replicated()
{
    return wait_for_replica(*redis_);
}

std::vector<StoredChannel> Store::channels()
{
    std::vector<std::string> paths;
    for (RedisValue& path :
         redis_->run({"SMEMBERS", key("ix:", "c")}).elements) {
        paths.push_back(std::move(path.text));
    }
    std::sort(paths.begin(), paths.end());

    const std::vector<RedisValue> records = get_all("c:", paths);
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
    return channels;
}

Store::FoundPrivacy Store::find_privacy(std::string_view channel,
                                        Privacy otherwise)
{
    std::vector<std::string> paths;
    for (; !channel.empty(); channel = parent_channel(channel)) {
        paths.emplace_back(channel);
    }
    const std::vector<RedisValue> records = get_all("c:", paths);
    for (std::size_t i = 0; i < records.size(); i++) {
        if (records[i].is_nil()) {
            continue;
        }
        Privacy privacy{};
        const bool bad =
            decode_channel_record(records[i].text, privacy).has_value();
        return {.privacy = bad ? ChannelPrivacy::unavailable
                               : static_cast<ChannelPrivacy>(privacy),
                .channel = paths[i]};
    }
    return {.privacy = static_cast<ChannelPrivacy>(otherwise), .channel = {}};
}

std::string Store::key(std::string_view kind, std::string_view name) const
{
    return prefix_ + std::string(kind) + std::string(name);
}

/// The strings behind `names`, in batches that Redis answers quickly.
std::vector<RedisValue> Store::get_all(std::string_view kind,
                                       const std::vector<std::string>& names)
{
    std::vector<RedisValue> values;
    values.reserve(names.size());
    for (std::size_t at = 0; at < names.size(); at += batch) {
        std::vector<std::string> keys;
        for (std::size_t i = at; i < std::min(at + batch, names.size()); i++) {
            keys.push_back(key(kind, names[i]));
        }
        std::vector<std::string_view> words{"MGET"};
        words.insert(words.end(), keys.begin(), keys.end());
        RedisValue reply = redis_->run(words);
        std::move(reply.elements.begin(), reply.elements.end(),
                  std::back_inserter(values));
    }
    return values;
}

void Store::add_last_used(std::vector<StoredToken>& tokens)
{
    const std::string hash = key("", "u");
    for (std::size_t at = 0; at < tokens.size(); at += batch) {
        const std::size_t end = std::min(at + batch, tokens.size());
        std::vector<std::string_view> words{"HMGET", hash};
        for (std::size_t i = at; i < end; i++) {
            words.emplace_back(tokens[i].record.id);
        }
        const RedisValue reply = redis_->run(words);
        for (std::size_t i = at; i < end; i++) {
            tokens[i].last_used = parse_seconds(reply.elements.at(i - at).text);
        }
    }
}

RedisValue Store::run_script(std::string_view script,
                             const std::vector<std::string>& keys,
                             const std::vector<std::string>& arguments)
{
    const std::string count = std::to_string(keys.size());
    std::vector<std::string_view> words{"EVAL", script, count};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    try {
        return redis_->run(words);
    } catch (const RedisFailure& failure) {
        if (failure.refused()) {
            throw;
        }
        throw Failure(cannot_tell,
                      std::string(failure.what()) +
                          "; the change may have been made or not: look "
                          "before you make it again");
    }
}

} // namespace psm::cli
