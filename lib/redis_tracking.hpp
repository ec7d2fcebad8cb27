// SPDX-License-Identifier: BSD-2-Clause
//
// The conversation on an invalidation connection: Redis tells each change of
// a record whose key has one of our prefixes. RESP2, broadcasting, tracking
// redirected to the connection itself, so that tracker and receiver die
// together (redis.md section 3.1):
//
//     ROLE, INFO server, CLIENT ID          -> who is it
//     CLIENT TRACKING ON REDIRECT id BCAST PREFIX x ..., SUBSCRIBE
//     PING n, and messages, for as long as it lives
//
// The answer to a PING stands behind all messages that Redis wrote before it.
// So it proves that every change made before the PING was *sent* has been
// told. Changes between TRACKING and the subscription are lost without a
// word: what was remembered before the subscribe reply is worth nothing.
//
// Sits on a RedisSession as its handler, and outlives it. Times are the
// caller's, in milliseconds of a monotonic clock read when the command is
// given, never earlier than the change it is to prove.

#pragma once

#include "redis_session.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace psm {

/// Why everything that is remembered must go.
enum class Flush : std::uint8_t {
    subscribed, // what happened before is not known
    emptied,    // FLUSHALL, FLUSHDB, a resync
    forged,     // somebody's PUBLISH on the channel
    unknown,    // a message that we do not understand
    moved,      // another server answers now
};

inline constexpr std::size_t flush_count = 5;

class RedisTracking {
public:
    /// Called from within RedisSession::feed(). They may not touch session
    /// or tracking.
    struct Owner {
        void* context = nullptr;
        void (*changed)(void* context, std::string_view key) = nullptr;
        void (*flush)(void* context, Flush why) = nullptr;
        std::uint64_t (*now)(void* context) = nullptr;
    };

    explicit RedisTracking(const Owner& owner) : owner_(owner) {}

    /// Queues the first commands behind the login of a new session. Keys are
    /// those that begin with `prefix` and "t:" or "c:". False when that
    /// failed.
    [[nodiscard]] bool greet(RedisSession& session, std::string_view prefix);

    /// The handler of the session, its context being this. May throw
    /// std::bad_alloc.
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);

    /// Queues a PING on a live connection; false when that failed.
    [[nodiscard]] bool ping();

    /// Subscribed: from here on no change goes untold.
    [[nodiscard]] bool live() const noexcept { return live_; }

    /// All changes before this time are known. 0 before live().
    [[nodiscard]] std::uint64_t proven() const noexcept { return proven_; }

    /// When the oldest PING was sent that is not answered; 0 when all are.
    [[nodiscard]] std::uint64_t waiting_since() const noexcept
    {
        return pings_.empty() ? 0 : pings_.front();
    }

    /// Why the connection is of no use; empty while all is well.
    [[nodiscard]] const std::string& doubt() const noexcept { return doubt_; }

    /// Redis would say the same again: no permission, a replica, too old.
    [[nodiscard]] bool refused() const noexcept { return refused_; }

    /// The server is no master.
    [[nodiscard]] bool replica() const noexcept { return replica_; }

    /// Of the server; known once live().
    [[nodiscard]] const std::string& run_id() const noexcept { return run_id_; }

private:
    void take_role(const RedisReply& reply);
    void take_info(const RedisReply& reply);
    void take_id(const RedisReply& reply);
    void take_tracking(const RedisReply& reply);
    void take_message(const RedisReply& reply);
    void take_change(const RedisReply& reply);
    void take_pong(const RedisReply& reply);
    void take_subscribed(const RedisReply& reply);
    void fail(std::string doubt, bool refused = false);
    void fail(std::string_view command, const RedisReply& reply);

    Owner owner_;
    RedisSession* session_ = nullptr;
    std::array<std::string, 2> prefixes_;
    std::string run_id_;
    std::string doubt_;
    bool refused_ = false;
    bool replica_ = false;
    bool live_ = false;
    std::uint64_t subscribed_at_ = 0; // when SUBSCRIBE was given
    std::uint64_t proven_ = 0;
    std::deque<std::uint64_t> pings_; // when those not answered were given
    std::uint64_t answered_ = 0;      // PINGs of this connection
};

} // namespace psm
