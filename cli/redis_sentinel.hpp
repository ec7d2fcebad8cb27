// SPDX-License-Identifier: BSD-2-Clause
//
// The way to the Redis that a command works on: straight, or by asking
// sentinels where the master is.

#pragma once

#include "redis_client.hpp"

#include <memory>

namespace psm::cli {

/// A connection to the Redis of `address`. Behind sentinels: they are asked in
/// turn, and who they name must say itself that it is a master. While a
/// failover is under way they are asked again for a few seconds. The Failure
/// lists what each of them said.
[[nodiscard]] std::unique_ptr<RedisClient>
connect_redis(const RedisAddress& address);

} // namespace psm::cli
