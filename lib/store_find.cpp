// SPDX-License-Identifier: BSD-2-Clause
//
// Tokens as they are stored: by id, by digest, a page of an index.

#include "store.hpp"
#include "text.hpp"

#include <algorithm>
#include <charconv>

namespace psm {

namespace {

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

/// "1790000000.<id>"
std::optional<Store::Place> parse_place(std::string_view text)
{
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || !parse_seconds(text.substr(0, dot)) ||
        !is_token_id(text.substr(dot + 1))) {
        return std::nullopt;
    }
    return Store::Place{.score = std::string(text.substr(0, dot)),
                        .id = std::string(text.substr(dot + 1))};
}

} // namespace

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

/// The rank of a place, or of the first member behind it. One that is gone
/// since is looked for among those of the same score, of which an import makes
/// many.
Task<std::int64_t> Store::rank_at(std::string index, Place place, bool behind)
{
    std::vector<std::string> words{"ZRANK", index, place.id};
    const RedisValue rank = co_await ask(std::move(words));
    if (!rank.is_nil()) {
        co_return rank.integer + (behind ? 1 : 0);
    }
    words = {"ZCOUNT", index, "-inf", "(" + place.score};
    const RedisValue below = co_await ask(std::move(words));
    words = {"ZCOUNT", index, "-inf", place.score};
    const RedisValue above = co_await ask(std::move(words));
    std::int64_t first = below.integer;
    std::int64_t last = above.integer;
    while (first < last) {
        const std::int64_t middle = first + (last - first) / 2;
        words = {"ZRANGE", index, std::to_string(middle),
                 std::to_string(middle)};
        const RedisValue found = co_await ask(std::move(words));
        if (!found.elements.empty() && found.elements[0].text <= place.id) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    co_return first;
}

/// Members and scores, lowest first whatever comes first in the page: what is
/// new must not move the ranks of what was not seen yet.
Task<RedisValue> Store::read_range(TokenRange range, Place place)
{
    const std::string index = index_key(range);
    const auto limit = static_cast<std::int64_t>(range.limit);
    std::int64_t first = range.newest ? -limit : 0;
    std::int64_t last = range.newest ? -1 : limit - 1;
    if (!place.id.empty()) {
        const std::int64_t rank = co_await rank_at(index, place, !range.newest);
        first = range.newest ? std::max(rank - limit, std::int64_t{0}) : rank;
        last = range.newest ? rank - 1 : rank + limit - 1;
    }
    if (last == -1 && first == 0) {
        co_return RedisValue{.type = RedisType::array}; // -1 is the last one
    }
    std::vector<std::string> words{"ZRANGE", index, std::to_string(first),
                                   std::to_string(last), "WITHSCORES"};
    RedisValue found = co_await ask(std::move(words));
    co_return found;
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
    range.limit = std::clamp<std::size_t>(range.limit, 1, max_page);
    const RedisValue found = co_await read_range(range, std::move(place));

    TokenPage page;
    std::vector<std::string> ids;
    const std::size_t count = found.elements.size() / 2;
    bool whole = count == range.limit;
    for (std::size_t i = 0; i < count; i++) {
        const std::size_t at = range.newest ? count - 1 - i : i;
        const std::string& score = found.elements[2 * at + 1].text;
        if (!range.newest && parse_seconds(score).value_or(0) > range.until) {
            whole = false;
            break;
        }
        ids.push_back(found.elements[2 * at].text);
        page.next = score + "." + ids.back();
    }
    if (!whole) {
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
