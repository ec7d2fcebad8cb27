// SPDX-License-Identifier: BSD-2-Clause
//
// Why a connection to Redis was lost, or could not be made: what the metrics
// tell apart.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace psm::edge {

enum class Loss : std::uint8_t {
    unreachable, // refused, no route, no such socket, no address
    timeout,     // to connect, to greet, of a look-up, of a PING
    closed,      // by Redis, or reset
    protocol,    // bytes or replies that do not fit
    refused,     // a login or a command that Redis does not allow us
    loading,     // -LOADING, -BUSY, -MASTERDOWN and the like
    wrong_role,  // no master
    other_node,  // a worker's two connections reached two servers
    switched,    // the sentinels named another master
    tls,         // no TLS, or not of whom we wanted
    internal,    // out of memory
};

inline constexpr std::array<std::string_view, 11> loss_names{
    "unreachable", "timeout",    "closed",   "protocol", "refused", "loading",
    "wrong_role",  "other_node", "switched", "tls",      "internal"};

} // namespace psm::edge
