// SPDX-License-Identifier: BSD-2-Clause

#include "store_reader.hpp"

#include "redis_client.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace psm::cli {

namespace {

/// As Redis writes scores; those of others may be no whole numbers.
std::optional<std::int64_t> parse_score(const RedisValue& value)
{
    if (value.is_nil()) {
        return std::nullopt;
    }
    const double score = std::strtod(value.text.c_str(), nullptr);
    constexpr double limit = 9e15; // whole numbers of a double
    if (!(std::abs(score) < limit) || score != std::floor(score)) {
        return -1; // no time of ours
    }
    return static_cast<std::int64_t>(score);
}

} // namespace

RedisValue StoreReader::ask(const Names& words)
{
    RedisValue reply = patient_.ask(words);
    if (!reply.is_error()) {
        return reply;
    }
    if (!reply.text.starts_with("WRONGTYPE")) {
        patient_.redis.refuse(words.front(), reply.text);
    }
    if (wrong_.insert(words[1]).second) {
        const RedisValue type = patient_.ask({"TYPE", words[1]});
        faults_.add(FaultKind::wrong_type, words[1], "it is a " + type.text);
    }
    return {};
}

StoreReader::Names StoreReader::get_all(std::string_view kind,
                                        const Names& names)
{
    if (names.empty()) {
        return {};
    }
    Names words{"MGET"};
    for (const std::string& name : names) {
        words.push_back(key(std::string(kind) + name));
    }
    const RedisValue reply = ask(words);
    Names values(names.size());
    for (std::size_t i = 0; i < std::min(reply.elements.size(), values.size());
         i++) {
        values[i] = reply.elements[i].text;
    }
    return values;
}

StoreReader::Names StoreReader::get_scanned(std::string_view kind,
                                            const Names& names)
{
    Names values = get_all(kind, names);
    for (std::size_t i = 0; i < names.size(); i++) {
        // MGET says nil of what is no string. Most have just run out.
        if (values[i].empty()) {
            static_cast<void>(ask({"GET", key(std::string(kind) + names[i])}));
        }
    }
    return values;
}

std::vector<std::optional<std::int64_t>>
StoreReader::scores(const std::string& key, const Names& members)
{
    Names words{"ZMSCORE", key};
    words.insert(words.end(), members.begin(), members.end());
    const RedisValue reply = ask(words);
    std::vector<std::optional<std::int64_t>> scores(members.size());
    for (std::size_t i = 0; i < std::min(reply.elements.size(), scores.size());
         i++) {
        scores[i] = parse_score(reply.elements[i]);
    }
    return scores;
}

std::vector<bool> StoreReader::are_members(const std::string& key,
                                           const Names& members)
{
    Names words{"SMISMEMBER", key};
    words.insert(words.end(), members.begin(), members.end());
    const RedisValue reply = ask(words);
    std::vector<bool> found(members.size());
    for (std::size_t i = 0; i < std::min(reply.elements.size(), found.size());
         i++) {
        found[i] = reply.elements[i].integer == 1;
    }
    return found;
}

void StoreReader::scan(std::string_view command, const std::string& key,
                       const std::function<void(const Names&)>& each)
{
    // SSCAN gives members alone, the others each with its value.
    const std::size_t step = command == "SSCAN" ? 1 : 2;
    std::string cursor = "0";
    do {
        const RedisValue reply = ask({std::string(command), key, cursor,
                                      "COUNT", std::to_string(exam_batch)});
        // Flat: the cursor, the list, its elements.
        constexpr std::size_t list = 2;
        Names batch;
        for (std::size_t i = list; i < reply.elements.size(); i += step) {
            batch.push_back(reply.elements[i].text);
            if (batch.size() == exam_batch) {
                each(batch);
                batch.clear();
            }
        }
        if (!batch.empty()) {
            each(batch);
        }
        cursor = reply.elements.empty() ? "0" : reply.elements.front().text;
    } while (cursor != "0");
}

} // namespace psm::cli
