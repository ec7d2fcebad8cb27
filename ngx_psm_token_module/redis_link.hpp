// SPDX-License-Identifier: BSD-2-Clause
//
// One connection of a worker to Redis: nginx owns the socket and the timers,
// a RedisSession the protocol. The link connects by itself, again and again,
// and tells its owner when it became ready or was lost.
//
//      connect()             made            answered
//   down ------> connecting ------> greeting ------> ready
//    ^  back-off     |                  |              |
//    '---------------+------------------+--------------'
//
// Commands given in one turn of the event loop leave in one send, behind them
// a PING (see ReplyFence); that of the greeting proves that Redis serves us.
// The owner must outlive the link; it is never called from inside its calls.

#pragma once

#include "backoff.hpp"
#include "ngx.hpp"
#include "reply_fence.hpp"

#include "../lib/redis_session.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace psm::edge {

struct RedisConf;

class RedisLink {
public:
    struct Owner {
        void* context;
        RedisSession::Handler reply;
        /// The link became ready, or what was in flight will stay
        /// unanswered: ask ready() which.
        void (*changed)(void* context);
    };

    RedisLink(const RedisConf& conf, const Owner& owner, ngx_log_t* log);
    ~RedisLink();
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;

    /// Starts a connection unless one is there, being made, or due later.
    void connect();

    [[nodiscard]] bool ready() const noexcept { return state_ == State::ready; }

    /// No address could be reached, or Redis refused us: waiting for the next
    /// attempt is no use.
    [[nodiscard]] bool refusing() const noexcept { return failed_; }

    /// Queues a command of a ready link; false when it takes no more.
    [[nodiscard]] bool command(std::initializer_list<std::string_view> words,
                               std::uint64_t tag);

    /// Closes a connection whose replies can no longer be awaited, and makes
    /// another. The owner is not told: it is the one who knows. Not from
    /// within a reply.
    void drop(const char* why);

private:
    enum class State : std::uint8_t { down, connecting, greeting, ready };

    static void on_write(ngx_event_t* ev);
    static void on_read(ngx_event_t* ev);
    static void on_retry(ngx_event_t* ev);

    void begin_attempt();
    void try_connect();
    void greet();
    void receive();
    void flush();
    void became_ready();
    void close();
    void lost(const char* why, ngx_err_t err = 0);
    void schedule(const char* why, bool was_ready, ngx_err_t err);

    const RedisConf& conf_;
    Owner owner_;
    ngx_log_t* log_;
    ngx_log_t quiet_; // for nginx's own word on each attempt that fails
    State state_ = State::down;
    bool failed_ = false;
    bool fence_due_ = false; // commands were given since the last PING
    Backoff backoff_;
    ngx_uint_t addr_ = 0;         // the one in use, or tried next
    ngx_uint_t untried_ = 0;      // addresses that are left for this attempt
    ngx_err_t connect_error_ = 0; // why a connect() failed at once
    ngx_msec_t ready_since_ = 0;
    ngx_connection_t* connection_ = nullptr;
    ReplyFence fence_;
    std::unique_ptr<RedisSession> session_;
    ngx_event_t flush_{}; // one send at the end of the loop's turn
    ngx_event_t retry_{}; // back-off timer, or a posted immediate failure
};

} // namespace psm::edge
