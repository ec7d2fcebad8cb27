// SPDX-License-Identifier: BSD-2-Clause
//
// A Redis in memory, for tests of what runs on a RedisPort: the commands that
// the store sends, and the script of its changes, known by its text. Every
// answer is there before begin() returns, so run_now() is all it takes.

#pragma once

#include "redis_port.hpp"
#include "script.hpp"
#include "store.hpp"
#include "transaction.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace doubles {

using psm::RedisType;
using psm::RedisValue;

/// What the real port throws.
class RedisLost : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class RedisDouble final : public psm::RedisPort {
public:
    using Fields = std::vector<std::pair<std::string, std::string>>;

    std::map<std::string, std::string> strings;
    std::map<std::string, std::int64_t> ends; // PEXPIREAT, in ms
    std::map<std::string, std::map<std::string, std::int64_t>> zsets;
    std::map<std::string, std::set<std::string>> sets;
    std::map<std::string, std::map<std::string, std::string>> hashes;
    std::map<std::string, std::vector<Fields>> streams;

    std::vector<std::vector<std::string>> seen; // all commands
    std::size_t changes = 0;                    // that were made
    bool lost = false;

    /// Is called once, before the next change.
    std::function<void()> crossing;

    void begin(psm::RedisCall& call) override
    {
        if (lost) {
            throw RedisLost("connection lost");
        }
        seen.push_back(call.words());
        call.finish(run(call.words()));
    }

    void forget(psm::RedisCall& /*call*/) noexcept override {}

    [[noreturn]] void refuse(const std::string& command,
                             const std::string& error) const override
    {
        throw RedisLost(command + ": " + error);
    }

private:
    using Words = std::span<const std::string>;

    static RedisValue text(std::string text)
    {
        return {.type = RedisType::string, .text = std::move(text)};
    }

    static RedisValue number(std::int64_t number)
    {
        return {.type = RedisType::integer, .integer = number};
    }

    static RedisValue list(std::vector<RedisValue> elements)
    {
        return {.type = RedisType::array,
                .integer = static_cast<std::int64_t>(elements.size()),
                .elements = std::move(elements)};
    }

    template <typename Map>
    static RedisValue find(const Map& map, const std::string& key)
    {
        const auto found = map.find(key);
        return found == map.end() ? RedisValue{} : text(found->second);
    }

    RedisValue run(const std::vector<std::string>& all)
    {
        const std::string& command = all.front();
        const Words words = Words(all).subspan(1);
        if (command == "GET") {
            return find(strings, words[0]);
        }
        if (command == "MGET") {
            std::vector<RedisValue> values;
            for (const std::string& key : words) {
                values.push_back(find(strings, key));
            }
            return list(std::move(values));
        }
        if (command == "HMGET") {
            std::vector<RedisValue> values;
            for (const std::string& field : words.subspan(1)) {
                values.push_back(find(hashes[words[0]], field));
            }
            return list(std::move(values));
        }
        if (command == "SMEMBERS") {
            std::vector<RedisValue> values;
            for (const std::string& member : sets[words[0]]) {
                values.push_back(text(member));
            }
            return list(std::move(values));
        }
        if (command.starts_with("Z")) {
            return ask_index(command, words);
        }
        if (command == "XRANGE") {
            return entries(words);
        }
        if (command == "EVAL" || command == "EVALSHA") {
            return evaluate(words);
        }
        throw std::logic_error("the double knows no " + command);
    }

    RedisValue ask_index(const std::string& command, Words words)
    {
        std::set<std::pair<std::int64_t, std::string>> all;
        for (const auto& [member, score] : zsets[words[0]]) {
            all.emplace(score, member);
        }
        const auto count = static_cast<std::int64_t>(all.size());
        if (command == "ZCARD") {
            return number(count);
        }
        if (command == "ZRANK") {
            const auto found = std::ranges::find(
                all, words[1], &std::pair<std::int64_t, std::string>::second);
            return found == all.end()
                       ? RedisValue{}
                       : number(std::distance(all.begin(), found));
        }
        if (command == "ZCOUNT") { // from -inf on
            const bool open = words[2].starts_with("(");
            const std::int64_t last = std::stoll(words[2].substr(open ? 1 : 0));
            return number(std::ranges::count_if(all, [&](const auto& member) {
                return open ? member.first < last : member.first <= last;
            }));
        }
        if (command != "ZRANGE") {
            throw std::logic_error("the double knows no " + command);
        }
        const auto rank = [count](const std::string& word) {
            const std::int64_t given = std::stoll(word);
            return given < 0 ? given + count : given;
        };
        std::vector<RedisValue> found;
        std::int64_t at = 0;
        for (const auto& [score, member] : all) {
            if (at >= rank(words[1]) && at <= rank(words[2])) {
                found.push_back(text(member));
                if (words.size() > 3) {
                    found.push_back(text(std::to_string(score)));
                }
            }
            at++;
        }
        return list(std::move(found));
    }

    /// They have ids 1-0, 2-0, ...
    RedisValue entries(Words words)
    {
        const std::int64_t after =
            words[1] == "-" ? 0 : std::stoll(words[1].substr(1));
        const std::vector<Fields>& stream = streams[words[0]];
        std::int64_t left = std::stoll(words[4]);
        RedisValue reply = list({});
        for (std::size_t i = 0; i < stream.size() && left > 0; i++) {
            if (static_cast<std::int64_t>(i) < after) {
                continue;
            }
            left--;
            reply.integer++;
            std::vector<RedisValue>& out = reply.elements;
            out.push_back({.type = RedisType::array, .integer = 2});
            out.push_back(text(std::to_string(i + 1) + "-0"));
            out.push_back(
                {.type = RedisType::array,
                 .integer = static_cast<std::int64_t>(2 * stream[i].size())});
            for (const auto& [field, value] : stream[i]) {
                out.push_back(text(field));
                out.push_back(text(value));
            }
        }
        return reply;
    }

    RedisValue evaluate(Words words)
    {
        const auto is = [&words](std::string_view script) {
            return words[0] == script || words[0] == psm::Script(script).sha1();
        };
        const std::size_t count = std::stoul(words[1]);
        const Words keys = words.subspan(2, count);
        const Words arguments = words.subspan(2 + count);
        if (is(psm::transaction_script())) {
            return change(keys, arguments);
        }
        throw std::logic_error("the double does not know this script");
    }

    RedisValue change(Words keys, Words words)
    {
        if (crossing) {
            std::exchange(crossing, nullptr)();
        }
        std::size_t at = 0;
        const auto take = [&] { return words[at++]; };
        const auto key = [&] { return keys[std::stoul(take()) - 1]; };
        for (std::size_t left = std::stoul(take()); left > 0; left--) {
            const std::string name = key();
            const std::string held = take();
            if (find(strings, name).text != held) {
                return number(0);
            }
        }
        at += 2 * std::stoul(take()); // types
        while (at < words.size()) {
            const std::size_t count = std::stoul(take());
            const std::string command = take();
            const std::string name = key();
            write(command, name, words.subspan(at, count));
            at += count;
        }
        changes++;
        return number(1);
    }

    void write(const std::string& command, const std::string& key, Words words)
    {
        if (command == "SET") {
            strings[key] = words[0];
        } else if (command == "PEXPIREAT") {
            ends[key] = std::stoll(words[0]);
        } else if (command == "DEL") {
            strings.erase(key);
        } else if (command == "ZADD") {
            zsets[key][words[1]] = std::stoll(words[0]);
        } else if (command == "ZREM") {
            zsets[key].erase(words[0]);
        } else if (command == "ZREMRANGEBYSCORE") {
            std::erase_if(zsets[key], [&](const auto& member) {
                return member.second <= std::stoll(words[1]);
            });
        } else if (command == "SADD") {
            sets[key].insert(words[0]);
        } else if (command == "SREM") {
            sets[key].erase(words[0]);
        } else if (command == "XADD") {
            Fields fields;
            for (std::size_t i = 4; i + 1 < words.size(); i += 2) {
                fields.emplace_back(words[i], words[i + 1]);
            }
            streams[key].push_back(std::move(fields));
        } else {
            throw std::logic_error("the double writes no " + command);
        }
    }
};

} // namespace doubles
