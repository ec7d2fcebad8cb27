// SPDX-License-Identifier: BSD-2-Clause
//
// The doctor's look at Redis itself: what it is, whether it keeps what it is
// given, and what its users may do. Nothing is changed by it.

#pragma once

#include "finding.hpp"

#include "../lib/redis_port.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

class RedisClient;

/// Whom the doctor looks at. An error reply is a value here.
struct Patient {
    RedisClient& redis;
    std::string prefix;
    Findings& findings;

    [[nodiscard]] RedisValue ask(const std::vector<std::string>& words) const;

    [[nodiscard]] std::string key(std::string_view name) const
    {
        return prefix + std::string(name);
    }
};

/// "7.0.15" of "redis_version:7.0.15" in a reply to INFO; "" where there is
/// no such line.
[[nodiscard]] std::string_view info_value(std::string_view info,
                                          std::string_view name);

void examine_server(const Patient& patient);
void examine_keeping(const Patient& patient);
void examine_replicas(const Patient& patient);
void examine_clock(const Patient& patient);

/// What psm-token itself may do, and what the gate's user may.
void examine_own_rights(const Patient& patient);
void examine_gate_rights(const Patient& patient, const std::string& user);

} // namespace psm::cli
