// SPDX-License-Identifier: BSD-2-Clause
//
// A worker's invalidation connection. It tells which records changed, and for
// how long what is remembered may be believed: until the sending of the last
// PING that was answered plus the lease. A PING goes out eight times in a
// lease; one that is not answered within a lease ends the connection, so that
// a peer which is gone without a word is noticed.
//
// The lease outlives the connection: what is fresh stays so until it runs
// out, and what is remembered goes only at the next subscription.

#pragma once

#include "redis_connection.hpp"

#include "../lib/cache.hpp"
#include "../lib/redis_tracking.hpp"

#include <string_view>

namespace psm::edge {

class RedisStream {
public:
    /// Called from the event loop, but `changed` and `flush` from within a
    /// reply: they may drop no connection.
    struct Owner {
        void* context = nullptr;
        void (*changed)(void* context, std::string_view key) = nullptr;
        void (*flush)(void* context, Flush why) = nullptr;
        /// What is remembered may be believed until then.
        void (*proven)(void* context, Tick until) = nullptr;
        /// It went live, or was lost: ask live() which.
        void (*turned)(void* context) = nullptr;
        /// For the metrics.
        void (*count)(void* context, Loss cause) = nullptr;
    };

    /// `lease` in milliseconds.
    RedisStream(const RedisConf& conf, const RedisGuide& guide,
                ngx_msec_t lease, const Owner& owner, ngx_log_t* log);
    ~RedisStream();
    RedisStream(const RedisStream&) = delete;
    RedisStream& operator=(const RedisStream&) = delete;

    void connect() { connection_.connect(); }

    /// See RedisConnection.
    void hurry() { connection_.hurry(); }

    /// Subscribed: changes are told as they happen.
    [[nodiscard]] bool live() const noexcept { return connection_.ready(); }

    /// Of the server behind a live stream.
    [[nodiscard]] std::string_view run_id() const noexcept
    {
        return tracking_.run_id();
    }

    /// See RedisConnection.
    void drop(Loss cause, const char* why) { connection_.drop(cause, why); }

    void move() { connection_.move(); }

private:
    static bool greet(void* context, RedisSession& session);
    static RedisConnection::Verdict judge(void* context);
    static void turned(void* context);
    static void on_timer(ngx_event_t* ev);

    [[nodiscard]] ngx_msec_t pause() const;

    const RedisConf& conf_;
    Owner owner_;
    ngx_log_t* log_;
    ngx_msec_t lease_;
    RedisTracking tracking_;
    ngx_event_t timer_{};
    RedisConnection connection_;
};

} // namespace psm::edge
