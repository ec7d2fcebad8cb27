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
// Commands given in one turn of the event loop leave in one send. The owner
// must outlive the link; it is never called from inside its own calls.

#pragma once

#include "ngx.hpp"

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

    /// The last attempt failed: waiting for the next one is no use.
    [[nodiscard]] bool refusing() const noexcept { return failed_; }

    /// Queues a command of a ready link; false when it takes no more.
    [[nodiscard]] bool command(std::initializer_list<std::string_view> words,
                               std::uint64_t tag);

    /// Closes a connection whose replies can no longer be awaited, and makes
    /// another. The owner is not told: it is the one who knows.
    void drop(const char* why);

private:
    enum class State : std::uint8_t { down, connecting, greeting, ready };

    static void on_write(ngx_event_t* ev);
    static void on_read(ngx_event_t* ev);
    static void on_flush(ngx_event_t* ev);
    static void on_retry(ngx_event_t* ev);

    void try_connect();
    void greet();
    void receive();
    void flush();
    void became_ready();
    void close();
    void lost(const char* why);
    void schedule(const char* why, bool was_ready);
    [[nodiscard]] ngx_msec_t backoff() const;

    const RedisConf& conf_;
    Owner owner_;
    ngx_log_t* log_;
    State state_ = State::down;
    bool failed_ = false;
    ngx_uint_t attempts_ = 0; // since a connection last held for a while
    ngx_uint_t next_addr_ = 0;
    ngx_msec_t ready_since_ = 0;
    ngx_connection_t* connection_ = nullptr;
    std::unique_ptr<RedisSession> session_;
    ngx_event_t flush_{}; // one send at the end of the loop's turn
    ngx_event_t retry_{}; // back-off timer, or a posted immediate failure
};

} // namespace psm::edge
