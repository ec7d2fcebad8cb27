// SPDX-License-Identifier: BSD-2-Clause
//
// Whether a change survives its master. Replication is asynchronous: what the
// master acknowledged may be lost when a replica takes its place, and a
// revocation with it.

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace psm::cli {

class RedisClient;

struct Replication {
    enum class State : std::uint8_t {
        alone,       // the master has no replicas
        confirmed,   // one has all that this connection changed
        unconfirmed, // none said so in time, or it cannot be told
    };

    State state = State::alone;
    std::string why{}; // unconfirmed
};

/// Waits up to a second for one replica to have what `redis` changed before.
/// Never a Failure: the change is made, whatever goes wrong here.
[[nodiscard]] Replication wait_for_replica(RedisClient& redis);

/// true, false, or null where there are no replicas.
[[nodiscard]] nlohmann::ordered_json replication_json(const Replication& done);

/// Says on stderr what is not confirmed, and `remedy`. The exit code.
[[nodiscard]] int report(const Replication& done, std::string_view remedy);

} // namespace psm::cli
