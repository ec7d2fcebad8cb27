// SPDX-License-Identifier: BSD-2-Clause
//
// What all of the store is made of: a command, a script, many keys at once.

#include "store.hpp"

#include <algorithm>
#include <iterator>

namespace psm {

namespace {

// Keys in one command: few enough that Redis answers it quickly.
constexpr std::size_t batch = 500;

} // namespace

Store::Store(RedisPort& port, std::string prefix)
    : port_(port), prefix_(std::move(prefix)), change_(transaction_script())
{
}

std::string Store::key(std::string_view kind, std::string_view name) const
{
    return prefix_ + std::string(kind) + std::string(name);
}

Task<RedisValue> Store::ask(std::vector<std::string> words)
{
    const std::string command = words.front();
    RedisCall call(port_, std::move(words));
    RedisValue value = co_await call;
    if (value.is_error()) {
        port_.refuse(command, value.text);
    }
    co_return value;
}

// No coroutines: g++ 12 and lists in a co_await do not go together.

Task<RedisValue> Store::get(std::string_view key)
{
    return ask({"GET", std::string(key)});
}

Task<RedisValue> Store::members(std::string_view key)
{
    return ask({"SMEMBERS", std::string(key)});
}

/// By its digest; a Redis that was restarted has to be told the script again.
Task<RedisValue> Store::run(const Script& script,
                            std::vector<std::string> words,
                            RedisCall::Effect effect)
{
    const bool known = !script.sha1().empty();
    words.insert(words.begin(),
                 known ? script.sha1() : std::string(script.text()));
    words.insert(words.begin(), known ? "EVALSHA" : "EVAL");
    RedisCall call(port_, words, effect);
    RedisValue value = co_await call;
    if (value.is_error() && value.text.starts_with("NOSCRIPT")) {
        words[0] = "EVAL";
        words[1] = script.text();
        RedisCall whole(port_, words, effect);
        value = co_await whole;
    }
    if (value.is_error()) {
        port_.refuse(words.front(), value.text);
    }
    co_return value;
}

Task<bool> Store::commit(Transaction change)
{
    std::vector<std::string> words = change.words();
    const RedisValue done =
        co_await run(change_, std::move(words), RedisCall::Effect::changes);
    co_return done.integer == 1;
}

/// The strings behind `names`, nil where there is none.
Task<std::vector<RedisValue>> Store::get_all(std::string_view kind,
                                             std::vector<std::string> names)
{
    std::vector<RedisValue> values;
    values.reserve(names.size());
    for (std::size_t at = 0; at < names.size(); at += batch) {
        std::vector<std::string> words{"MGET"};
        const std::size_t end = std::min(at + batch, names.size());
        for (std::size_t i = at; i < end; i++) {
            words.push_back(key(kind, names[i]));
        }
        RedisValue reply = co_await ask(std::move(words));
        if (reply.elements.size() != end - at) {
            port_.refuse("MGET", "it answers with another number of values");
        }
        std::move(reply.elements.begin(), reply.elements.end(),
                  std::back_inserter(values));
    }
    co_return values;
}

} // namespace psm
