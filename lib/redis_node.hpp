// SPDX-License-Identifier: BSD-2-Clause
//
// What a Redis server says of itself: which process it is, and whether it is
// the master (redis.md section 4).

#pragma once

#include "redis_reader.hpp"

#include <string_view>

namespace psm {

/// The run_id in a reply to INFO server, 40 characters of the reply's memory;
/// empty when the reply has none (an error, or a server that does not tell).
[[nodiscard]] std::string_view run_id_of(const RedisReply& reply) noexcept;

/// The first word of a reply to ROLE: "master", "slave", "sentinel"; empty
/// when it is no such reply.
[[nodiscard]] std::string_view role_of(const RedisReply& reply) noexcept;

/// Whether a reply to INFO replication says that the server is no master.
[[nodiscard]] bool is_demoted(const RedisReply& reply) noexcept;

} // namespace psm
