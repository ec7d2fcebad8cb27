// SPDX-License-Identifier: BSD-2-Clause
//
// Where Redis is and how to log in: the words of the psm_token_redis
// directive, of --redis and of PSM_TOKEN_REDIS (design.md section 5).
//
//     redis://[user@]host:port[/db]   unix:/path
//     user= db= password_file= prefix= connect_timeout= timeout=
//
// Passwords stand in files only: a URI ends up in logs and process lists.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace psm {

struct RedisAddress {
    std::string host; // empty for a unix socket
    std::uint16_t port = 6379;
    std::string socket_path; // empty for TCP
    std::string user;
    int database = 0;
    std::string password_file;
    std::string prefix = "psm:";
    std::uint32_t connect_timeout_ms = 250;
    std::uint32_t timeout_ms = 100;
    bool tracking = true; // changes are told by Redis
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
