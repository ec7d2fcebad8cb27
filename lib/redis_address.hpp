// SPDX-License-Identifier: BSD-2-Clause
//
// Where Redis is and how to log in: the words of the psm_token_redis
// directive, of --redis and of PSM_TOKEN_REDIS (design.md section 5).
//
//     redis://[user@]host:port[/db]   rediss://...   unix:/path
//     sentinel://h1:port,h2:port/name
//     user= db= password_file= prefix= connect_timeout= timeout=
//     tls=on ca= cert= key= name= tracking=on|off
//     sentinel_user= sentinel_password_file= sentinel_tls=on
//
// Passwords stand in files only: a URI ends up in logs and process lists.
// Whoever connects over TLS verifies the certificate: there is no word that
// turns it off.

#pragma once

#include "redis_uri.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

struct RedisAddress {
    std::string host; // empty for a unix socket and behind sentinels
    std::uint16_t port = default_redis_port;
    std::string socket_path;          // empty for TCP
    std::vector<RedisHost> sentinels; // they know where the master is
    std::string master_name;          // with sentinels

    std::string user;
    int database = 0;
    std::string password_file;
    std::string prefix = "psm:";
    std::uint32_t connect_timeout_ms = 250;
    std::uint32_t timeout_ms = 100;
    bool tracking = true;

    /// To Redis, behind sentinels too. `ca` (empty: the system's), `cert` and
    /// `key` (both or none) also count for sentinel_tls. `tls_name` is the
    /// name in Redis's certificate, where it is not the host; that of a
    /// sentinel is always its host in `sentinels`.
    bool tls = false;
    std::string ca;
    std::string cert;
    std::string key;
    std::string tls_name;

    std::string sentinel_user;
    std::string sentinel_password_file;
    bool sentinel_tls = false;
};

/// Reads words[0] as the URI and the rest as parameters. Returns what is
/// wrong, naming the word and the remedy, or nullopt. A password in the URI
/// is refused, and not repeated in the message.
[[nodiscard]] std::optional<std::string>
parse_redis_address(std::span<const std::string_view> words, RedisAddress& out);

/// The same from one string with blanks between the words, as it stands in
/// PSM_TOKEN_REDIS.
[[nodiscard]] std::optional<std::string>
parse_redis_address(std::string_view text, RedisAddress& out);

} // namespace psm
