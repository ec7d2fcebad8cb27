// SPDX-License-Identifier: BSD-2-Clause

#include "replication.hpp"

#include "command.hpp"
#include "output.hpp"
#include "redis_client.hpp"

#include <nlohmann/json.hpp>

namespace psm::cli {

namespace {

constexpr std::uint32_t wait_ms = 1000;

/// How many replicas a reply to ROLE lists: those that are in step.
std::int64_t count_replicas(const RedisValue& role)
{
    constexpr std::size_t list = 2; // behind "master" and the offset
    const bool known = role.elements.size() > list &&
                       role.elements.front().text == "master" &&
                       role.elements[list].type == RedisType::array;
    return known ? role.elements[list].integer : -1;
}

} // namespace

Replication wait_for_replica(RedisClient& redis)
{
    using enum Replication::State;
    try {
        const std::int64_t replicas = count_replicas(redis.run({"ROLE"}));
        if (replicas == 0) {
            return {.state = alone};
        }
        if (replicas < 0) {
            return {.state = unconfirmed,
                    .why = "it is no longer a master that tells its replicas"};
        }
        const RedisValue count =
            redis.run({"WAIT", "1", std::to_string(wait_ms)}, wait_ms);
        if (count.integer > 0) {
            return {.state = confirmed};
        }
        return {.state = unconfirmed,
                .why = "none of its " + std::to_string(replicas) +
                       " confirmed it within " + std::to_string(wait_ms) +
                       "ms"};
    } catch (const RedisFailure& failure) {
        return {.state = unconfirmed, .why = failure.what()};
    }
}

nlohmann::ordered_json replication_json(const Replication& done)
{
    if (done.state == Replication::State::alone) {
        return nullptr;
    }
    return done.state == Replication::State::confirmed;
}

int report(const Replication& done, std::string_view remedy)
{
    if (done.state != Replication::State::unconfirmed) {
        return yes;
    }
    complain("the change was made on the master of Redis, but it is not known "
             "to be on a replica: " +
             done.why + ". A failover may undo it: " + std::string(remedy));
    return cannot_tell;
}

} // namespace psm::cli
