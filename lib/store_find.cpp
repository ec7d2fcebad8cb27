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

/// Behind which a page begins: `after`, or the first or last score, since no id
/// is behind a tilde.
Store::Place first_place(const TokenRange& range)
{
    if (!range.after.empty()) {
        return parse_place(range.after).value_or(Store::Place{});
    }
    Store::Place place;
    if (range.reverse && range.until < max_time) {
        place = {.score = std::to_string(range.until), .id = "~"};
    } else if (!range.reverse && range.from > 0) {
        place = {.score = std::to_string(range.from - 1), .id = "~"};
    }
    return place;
}

std::string text_of(const Store::Place& place)
{
    return place.score + "." + place.id;
}

/// Of a reply to ZRANGE, between the first and the last score.
std::vector<Store::Place> places_of(RedisValue reply, const TokenRange& range)
{
    std::vector<Store::Place> places;
    for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
        std::string& text = reply.elements[i + 1].text;
        const std::int64_t score = parse_seconds(text).value_or(0);
        if (score >= range.from && score <= range.until) {
            places.push_back({.score = std::move(text),
                              .id = std::move(reply.elements[i].text)});
        }
    }
    return places;
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

/// A token that was given a new string between the two questions has left a
/// tombstone, or an old string with an id of its own: then both are asked
/// again.
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
        const bool settled =
            !token || (!token->record.deleted && token->record.id == id);
        if (settled || digest.text == before) {
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

/// How many members are before a place. One that is gone since is looked for
/// among those of the same score, of which an import makes many.
Task<Store::Rank> Store::rank_of(std::string index, Place place)
{
    std::vector<std::string> words{"ZRANK", index, place.id};
    const RedisValue rank = co_await ask(std::move(words));
    if (!rank.is_nil()) {
        co_return Rank{.before = rank.integer, .there = true};
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
    co_return Rank{.before = first, .there = false};
}

/// The ranks of the members of a page.
Task<Store::Span> Store::span_of(TokenRange range, std::string index)
{
    Place place = first_place(range);
    const auto limit = static_cast<std::int64_t>(
        std::clamp<std::size_t>(range.limit, 1, max_page));
    if (!place.id.empty()) {
        const Rank rank = co_await rank_of(std::move(index), std::move(place));
        if (range.reverse) {
            co_return Span{.first = rank.before - limit, .last = rank.before};
        }
        const std::int64_t first = rank.before + (rank.there ? 1 : 0);
        co_return Span{.first = first, .last = first + limit};
    }
    if (!range.reverse) {
        co_return Span{.first = 0, .last = limit};
    }
    std::vector<std::string> words{"ZCARD", std::move(index)};
    const RedisValue count = co_await ask(std::move(words));
    co_return Span{.first = count.integer - limit, .last = count.integer};
}

Task<std::optional<TokenPage>> Store::list(TokenRange range)
{
    if (!range.after.empty() && !parse_place(range.after)) {
        co_return std::nullopt;
    }
    const std::string index = index_key(range);
    const Span span = co_await span_of(range, index);
    TokenPage page;
    if (span.last <= 0) {
        co_return page;
    }
    std::vector<std::string> words{
        "ZRANGE", index, std::to_string(std::max<std::int64_t>(span.first, 0)),
        std::to_string(span.last - 1), "WITHSCORES"};
    RedisValue found = co_await ask(std::move(words));
    std::vector<Place> places = places_of(std::move(found), range);
    if (range.reverse) {
        std::ranges::reverse(places);
    }
    if (places.size() == static_cast<std::size_t>(span.last - span.first)) {
        page.next = text_of(places.back());
    }
    std::vector<std::string> ids;
    ids.reserve(places.size());
    for (const Place& place : places) {
        ids.push_back(place.id);
    }
    auto tokens = co_await read_tokens(std::move(ids));
    for (std::size_t i = 0; i < tokens.size(); i++) {
        if (tokens[i]) {
            page.tokens.push_back(std::move(*tokens[i]));
            page.places.push_back(text_of(places[i]));
        }
    }
    page.tokens = co_await with_last_use(std::move(page.tokens));
    co_return page;
}

Task<std::vector<StoredToken>> Store::find_ids(std::vector<std::string> ids)
{
    auto found = co_await read_tokens(std::move(ids));
    std::vector<StoredToken> tokens;
    for (std::optional<StoredToken>& token : found) {
        if (token) {
            tokens.push_back(std::move(*token));
        }
    }
    tokens = co_await with_last_use(std::move(tokens));
    co_return tokens;
}

/// In the places of their ids. An id without a digest, or a digest without a
/// record, has run out since: an index is only cleaned by a change, and by the
/// doctor. One that was given a new string between the two questions is asked
/// for again.
Task<std::vector<std::optional<StoredToken>>>
Store::read_tokens(std::vector<std::string> ids)
{
    const std::vector<RedisValue> found = co_await get_all("i:", ids);
    std::vector<std::string> digests;
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < found.size(); i++) {
        if (!found[i].is_nil()) {
            digests.push_back(found[i].text);
            at.push_back(i);
        }
    }
    const std::vector<RedisValue> records = co_await get_all("t:", digests);
    std::vector<std::optional<StoredToken>> tokens(ids.size());
    std::vector<std::size_t> doubtful;
    for (std::size_t i = 0; i < records.size(); i++) {
        if (records[i].is_nil()) {
            continue;
        }
        StoredToken token = read_token(digests[i], records[i]);
        if (token.problem) {
            token.record.id = ids[at[i]];
        }
        if (token.record.deleted || token.record.id != ids[at[i]]) {
            doubtful.push_back(at[i]);
        }
        tokens[at[i]] = std::move(token);
    }

    std::vector<std::string> names;
    names.reserve(doubtful.size());
    for (const std::size_t i : doubtful) {
        names.push_back(ids[i]);
    }
    const std::vector<RedisValue> now = co_await get_all("i:", names);
    for (std::size_t i = 0; i < now.size(); i++) {
        if (now[i].text == tokens[doubtful[i]]->digest) {
            continue;
        }
        std::optional<StoredToken> moved = co_await find_id(names[i]);
        tokens[doubtful[i]] = std::move(moved);
    }
    co_return tokens;
}

} // namespace psm
