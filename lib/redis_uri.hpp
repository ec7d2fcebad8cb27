// SPDX-License-Identifier: BSD-2-Clause
//
// The first word of an address of Redis (design.md section 5):
//
//     redis://[user@]host:port[/db]    rediss://...  the same over TLS
//     unix:/path
//     sentinel://host:port,host:port/name
//
// An IPv6 address stands in [ ]. The name behind sentinels is the one they
// know the master by.

#pragma once

#include "redis_word.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

struct RedisHost {
    std::string host; // without [ ]
    std::uint16_t port = 0;

    bool operator==(const RedisHost&) const = default;
};

inline constexpr std::uint16_t default_redis_port = 6379;
inline constexpr std::uint16_t default_sentinel_port = 26379;
inline constexpr std::size_t max_sentinels = 16;

/// What a URI says. Exactly one of host, socket_path and sentinels is there.
struct RedisUri {
    RedisHost redis; // the host is empty for a socket and for sentinels
    bool tls = false;
    std::string socket_path;
    std::vector<RedisHost> sentinels;
    std::string master_name; // with sentinels
    std::string user;
    std::optional<int> database;
};

/// Fills `out`, which must be as constructed. A password is refused, and not
/// repeated in the message.
[[nodiscard]] RedisProblem parse_redis_uri(std::string_view uri, RedisUri& out);

} // namespace psm
