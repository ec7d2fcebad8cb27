// SPDX-License-Identifier: BSD-2-Clause

#include "transaction.hpp"

namespace psm {

namespace {

// A script that fails half-way has written half: what could fail, the types of
// the keys and the rights of the user (which Redis tells from 7.0 on), is
// looked at before.
constexpr std::string_view script = R"lua(
local at = 0
local function take() at = at + 1 return ARGV[at] end
local function key() return KEYS[tonumber(take())] end
for _ = 1, tonumber(take()) do
  local name, held = key(), take()
  if (redis.call('GET', name) or '') ~= held then return 0 end
end
for _ = 1, tonumber(take()) do
  local name, wanted = key(), take()
  local found = redis.call('TYPE', name).ok
  if found ~= 'none' and found ~= wanted then
    return redis.error_reply('WRONGTYPE ' .. name .. ' is a ' .. found ..
      ', not a ' .. wanted)
  end
end
local begin = at
local function each(visit)
  at = begin
  while at < #ARGV do
    local words = {}
    local count, command, name = tonumber(take()), take(), key()
    for i = 1, count do words[i] = take() end
    visit(command, name, unpack(words))
  end
end
local lacking
if redis.acl_check_cmd then
  each(function(command, ...)
    if not redis.acl_check_cmd(command, ...) then lacking = command end
  end)
end
if lacking then
  return redis.error_reply('NOPERM a script of this user may not run ' ..
    lacking .. ', nothing was done')
end
each(redis.call)
return 1
)lua";

} // namespace

std::string_view transaction_script() noexcept
{
    return script;
}

/// Of a key among KEYS.
std::string Transaction::place(std::string_view key)
{
    const auto [found, is_new] = places_.try_emplace(std::string(key));
    if (is_new) {
        keys_.emplace_back(key);
        found->second = std::to_string(keys_.size());
    }
    return found->second;
}

void Transaction::write(std::string_view command, std::string_view key,
                        const std::vector<std::string>& words)
{
    writes_.push_back(std::to_string(words.size()));
    writes_.emplace_back(command);
    writes_.push_back(place(key));
    writes_.insert(writes_.end(), words.begin(), words.end());
}

void Transaction::demand(std::string_view key, std::string_view type)
{
    types_.push_back(place(key));
    types_.emplace_back(type);
}

void Transaction::expect(std::string_view key, std::string_view value)
{
    guards_.push_back(place(key));
    guards_.emplace_back(value);
}

void Transaction::expect(const Premises& premises)
{
    for (const auto& [key, value] : premises) {
        expect(key, value);
    }
}

void Transaction::set(std::string_view key, std::string_view value,
                      std::optional<std::int64_t> until)
{
    write("SET", key, {std::string(value)});
    if (until) {
        write("PEXPIREAT", key, {std::to_string(*until * 1000)});
    }
}

void Transaction::remove(std::string_view key)
{
    write("DEL", key, {});
}

void Transaction::touch(std::string_view key, std::string_view value)
{
    write("SET", key, {std::string(value), "KEEPTTL"});
}

void Transaction::index(std::string_view key, std::string_view member,
                        std::int64_t score)
{
    demand(key, "zset");
    write("ZADD", key, {std::to_string(score), std::string(member)});
}

void Transaction::unindex(std::string_view key, std::string_view member)
{
    demand(key, "zset");
    write("ZREM", key, {std::string(member)});
}

void Transaction::prune(std::string_view key, std::int64_t score)
{
    demand(key, "zset");
    write("ZREMRANGEBYSCORE", key, {"-inf", std::to_string(score)});
}

void Transaction::set_field(std::string_view key, std::string_view field,
                            std::string_view value)
{
    demand(key, "hash");
    write("HSET", key, {std::string(field), std::string(value)});
}

void Transaction::drop_field(std::string_view key, std::string_view field)
{
    demand(key, "hash");
    write("HDEL", key, {std::string(field)});
}

void Transaction::include(std::string_view key, std::string_view member)
{
    demand(key, "set");
    write("SADD", key, {std::string(member)});
}

void Transaction::exclude(std::string_view key, std::string_view member)
{
    demand(key, "set");
    write("SREM", key, {std::string(member)});
}

void Transaction::append(
    std::string_view key, std::int64_t length,
    const std::vector<std::pair<std::string, std::string>>& entry)
{
    std::vector<std::string> words{"MAXLEN", "~", std::to_string(length), "*"};
    for (const auto& [field, value] : entry) {
        words.push_back(field);
        words.push_back(value);
    }
    demand(key, "stream");
    write("XADD", key, words);
}

std::vector<std::string> Transaction::words() const
{
    std::vector<std::string> words{std::to_string(keys_.size())};
    words.insert(words.end(), keys_.begin(), keys_.end());
    words.push_back(std::to_string(guards_.size() / 2));
    words.insert(words.end(), guards_.begin(), guards_.end());
    words.push_back(std::to_string(types_.size() / 2));
    words.insert(words.end(), types_.begin(), types_.end());
    words.insert(words.end(), writes_.begin(), writes_.end());
    return words;
}

} // namespace psm
