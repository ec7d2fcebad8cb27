// SPDX-License-Identifier: BSD-2-Clause
//
// What the audit stream keeps: who changed what, when, and what it was before.
// It is written by the change itself, in the same script, so there is no
// change without an entry and no entry without a change. No token and no
// digest is in it.
//
// What was refused goes to a stream of its own, which is short: whoever is
// refused often must not push out what was done.

#pragma once

#include "record.hpp"
#include "redis_port.hpp"
#include "user_record.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace psm {

/// Who changes something, and when.
struct Actor {
    std::string who;       // the user, or a token's owner
    std::string token{};   // id of the token that was shown; "": none was
    std::string request{}; // nginx's id of the request
    std::string client{};  // address
    std::int64_t now = 0;  // unix seconds
};

struct AuditEvent {
    std::string what;     // "create", "edit", "reissue", "delete", "import",
                          // "channel set", "user set", "denied"
    std::string id;       // of the token, path of the channel, name of the user
    std::string before{}; // JSON of the members that changed; "": none
    std::string after{};
};

struct AuditEntry {
    std::string id; // of the stream
    AuditEvent event;
    Actor actor; // now: when it happened
};

inline constexpr std::int64_t audit_length = 100000;
inline constexpr std::int64_t denied_length = 10000;

/// Fields of the stream; empty ones are left out.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
audit_fields(const AuditEvent& event, const Actor& actor);

/// From XRANGE. Fields of other writers are skipped.
[[nodiscard]] std::vector<AuditEntry> read_audit(const RedisValue& reply);

/// `before` and `after` of an event: only the members in which the two
/// differ, as JSON objects.
[[nodiscard]] AuditEvent audit_event(std::string what, std::string id,
                                     std::string_view before_json,
                                     std::string_view after_json);

} // namespace psm
