// SPDX-License-Identifier: BSD-2-Clause

#include "api_port.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace psm::edge {

namespace {

/// Redis says these before it begins, also to a script.
bool is_before(std::string_view error)
{
    constexpr std::array<std::string_view, 10> codes{
        "NOPERM ",   "NOAUTH ",     "NOREPLICAS ", "LOADING ",     "BUSY ",
        "READONLY ", "MASTERDOWN ", "MISCONF ",    "CLUSTERDOWN ", "OOM "};

    return std::ranges::any_of(
        codes, [&](std::string_view code) { return error.starts_with(code); });
}

} // namespace

/// EVAL comes behind an EVALSHA that Redis did not know: the same change.
void ApiPort::begin(RedisCall& call)
{
    const bool again = hashed_ && call.words().front() == "EVAL";

    last_ = call.effect();
    if (last_ == RedisCall::Effect::changes && !again) {
        changes_++;
    }
    hashed_ = call.words().front() == "EVALSHA";
    link_.begin(call);
}

void ApiPort::forget(RedisCall& call) noexcept
{
    link_.forget(call);
}

void ApiPort::refuse(const std::string& command, const std::string& error) const
{
    throw CallFailed("Redis refused " + command + ": " + quote_reply(error),
                     last_, !is_before(error));
}

bool ApiPort::changing(const CallFailed& failure) const noexcept
{
    if (failure.effect() != RedisCall::Effect::changes) {
        return changes_ > 0;
    }
    return failure.sent() || changes_ > 1;
}

} // namespace psm::edge
