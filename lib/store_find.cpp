// SPDX-License-Identifier: BSD-2-Clause
//
// Tokens as they are stored: by id, by digest, a page of an index.

#include "store.hpp"
#include "text.hpp"

#include <algorithm>
#include <charconv>

namespace psm {

namespace {

// The rank behind a place in the index, which may be gone since: counted by
// its score, then found among those of the same score, of which an import
// makes many. Bytes are compared by hand, since Lua compares by locale.
constexpr std::string_view script = R"lua(
local function is_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
local first = 0
if ARGV[1] ~= '' then
  first = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[1])
  local behind = redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1])
  while first < behind do
    local middle = math.floor((first + behind) / 2)
    local found = redis.call('ZRANGE', KEYS[1], middle, middle)[1]
    if is_before(ARGV[2], found) then behind = middle
    else first = middle + 1 end
  end
end
return redis.call('ZRANGE', KEYS[1], first, first + ARGV[3] - 1, 'WITHSCORES')
)lua";

/// Unix seconds as Redis keeps them; other text counts as none.
std::optional<std::int64_t> parse_seconds(std::string_view text)
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
    if (token.problem) {
        token.record = TokenRecord{};
    }
    return token;
}

/// "1790000000.<id>", the last one of a page.
struct Place {
    std::string score;
    std::string id;
};

std::optional<Place> parse_place(std::string_view text)
{
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || !parse_seconds(text.substr(0, dot)) ||
        !is_token_id(text.substr(dot + 1))) {
        return std::nullopt;
    }
    return Place{.score = std::string(text.substr(0, dot)),
                 .id = std::string(text.substr(dot + 1))};
}

} // namespace

std::string_view page_script() noexcept
{
    return script;
}

Task<std::optional<StoredToken>> Store::find_digest(std::string digest)
{
    const RedisValue value = co_await get(key("t:", digest));
    if (value.is_nil()) {
        co_return std::nullopt;
    }
    std::vector<StoredToken> tokens;
    tokens.push_back(read_token(std::move(digest), value));
    tokens = co_await with_last_use(std::move(tokens));
    co_return std::move(tokens.front());
}

/// A record that was moved to another string between the two questions has
/// left a tombstone of the same id behind: then both are asked again.
Task<std::optional<StoredToken>> Store::find_id(std::string id)
{
    constexpr int max_moves = 10;
    std::string before;
    for (int moves = 0; moves < max_moves; moves++) {
        const RedisValue digest = co_await get(key("i:", id));
        if (digest.is_nil()) {
            co_return std::nullopt;
        }
        std::optional<StoredToken> token = co_await find_digest(digest.text);
        if (token && token->problem) {
            token->record.id = id;
        }
        if (!token || !token->record.deleted || digest.text == before) {
            co_return token;
        }
        before = digest.text;
    }
    co_return std::nullopt;
}

Task<std::vector<StoredToken>>
Store::with_last_use(std::vector<StoredToken> tokens)
{
    if (tokens.empty()) {
        co_return tokens;
    }
    std::vector<std::string> words{"HMGET", key("", "u")};
    for (const StoredToken& token : tokens) {
        words.push_back(token.record.id);
    }
    const RedisValue reply = co_await ask(std::move(words));
    for (std::size_t i = 0; i < tokens.size(); i++) {
        if (i < reply.elements.size()) {
            tokens[i].last_used = parse_seconds(reply.elements[i].text);
        }
    }
    co_return tokens;
}

std::string Store::index_key(const TokenRange& range) const
{
    switch (range.index) {
    case TokenRange::Index::owner:
        return key("ix:o:", range.name);
    case TokenRange::Index::maker:
        return key("ix:b:", range.name);
    case TokenRange::Index::expiry:
        return key("ix:", "exp");
    case TokenRange::Index::deleted:
        return key("ix:", "del");
    case TokenRange::Index::all:
        break;
    }
    return key("ix:", "all");
}

Task<std::optional<TokenPage>> Store::list(TokenRange range)
{
    Place place;
    if (!range.after.empty()) {
        const auto parsed = parse_place(range.after);
        if (!parsed) {
            co_return std::nullopt;
        }
        place = *parsed;
    }
    const std::size_t limit = std::clamp<std::size_t>(range.limit, 1, max_page);
    std::vector<std::string> words{"1", index_key(range), place.score, place.id,
                                   std::to_string(limit)};
    const RedisValue found =
        co_await run(page_, std::move(words), RedisCall::Effect::reads);

    TokenPage page;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i + 1 < found.elements.size(); i += 2) {
        const std::string& score = found.elements[i + 1].text;
        if (parse_seconds(score).value_or(0) > range.until) {
            break;
        }
        ids.push_back(found.elements[i].text);
        page.next = score + "." + ids.back();
    }
    if (ids.size() < limit) {
        page.next.clear();
    }
    page.tokens = co_await read_tokens(std::move(ids));
    co_return page;
}

/// An id without a digest, or a digest without a record, has run out since:
/// an index is only cleaned by a change, and by the doctor.
Task<std::vector<StoredToken>> Store::read_tokens(std::vector<std::string> ids)
{
    const std::vector<RedisValue> found = co_await get_all("i:", ids);
    std::vector<std::string> digests;
    std::vector<std::string> named;
    for (std::size_t i = 0; i < found.size(); i++) {
        if (!found[i].is_nil()) {
            digests.push_back(found[i].text);
            named.push_back(std::move(ids[i]));
        }
    }
    const std::vector<RedisValue> records = co_await get_all("t:", digests);
    std::vector<StoredToken> tokens;
    for (std::size_t i = 0; i < records.size(); i++) {
        if (records[i].is_nil()) {
            continue;
        }
        StoredToken token = read_token(digests[i], records[i]);
        if (token.problem) {
            token.record.id = named[i];
        }
        tokens.push_back(std::move(token));
    }
    tokens = co_await with_last_use(std::move(tokens));
    co_return tokens;
}

} // namespace psm
