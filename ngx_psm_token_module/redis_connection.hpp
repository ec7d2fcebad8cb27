// SPDX-License-Identifier: BSD-2-Clause
//
// One connection of a worker to Redis, whatever it is for: a RedisSocket moves
// the bytes, a RedisSession knows the protocol, a User what is said. It
// connects by itself, again and again, and tells its user when it became
// ready or was lost.
//
//      connect()       found            made (TLS too)      greeted
//   down ---> finding -----> connecting ---------> greeting ------> ready
//    ^           |               |                    |               |
//    '-----------+--- back-off --+--------------------+---------------'
//
// Commands given in one turn of the event loop leave in one send. The user
// must outlive the connection; `changed` is never called from inside its own
// calls.

#pragma once

#include "backoff.hpp"
#include "ngx.hpp"
#include "redis_place.hpp"
#include "redis_socket.hpp"

#include "../lib/redis_session.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace psm::edge {

struct RedisConf;

class RedisConnection {
public:
    /// What the user makes of what was received so far.
    struct Verdict {
        const char* doubt = nullptr; // why it is not believed any more
        Loss cause = Loss::protocol; // of a doubt
        bool greeted = false;        // the greeting is over
        bool refused = false;        // Redis will refuse us again
        bool useful = false;         // the next loss is a first one
    };

    struct User {
        void* context = nullptr;
        std::string_view name{};    // in the log
        std::string_view without{}; // and what its absence means
        /// It may greet well and then be of no use: told as back when it is,
        /// or an outage would be two lines for each attempt.
        bool proves = false;
        RedisLimits limits{};
        RedisSession::Handler reply = nullptr;
        /// A session began and logs in: queue what the greeting needs.
        bool (*greet)(void* context, RedisSession& session) = nullptr;
        /// Something is about to leave: the last chance to add to it.
        bool (*complete)(void* context, RedisSession& session) = nullptr;
        Verdict (*judge)(void* context) = nullptr;
        /// It became ready, or what was in flight will stay unanswered: ask
        /// ready() which.
        void (*changed)(void* context) = nullptr;
        /// For the metrics.
        void (*count)(void* context, Loss cause) = nullptr;
    };

    RedisConnection(const RedisConf& conf, const RedisGuide& guide,
                    const User& user, ngx_log_t* log);
    ~RedisConnection();
    RedisConnection(const RedisConnection&) = delete;
    RedisConnection& operator=(const RedisConnection&) = delete;

    /// Starts a connection unless one is there, being made, or due later.
    void connect();

    /// Redis is there, as another connection has found: there is no reason to
    /// wait for the next attempt, unless it has refused this one.
    void hurry();

    [[nodiscard]] bool ready() const noexcept { return state_ == State::ready; }

    /// No address could be reached, or Redis refused us: waiting for the next
    /// attempt is no use.
    [[nodiscard]] bool refusing() const noexcept { return failed_; }

    /// That of a ready connection, else nullptr. What is queued in it leaves
    /// after send_soon().
    [[nodiscard]] RedisSession* session() noexcept
    {
        return ready() ? session_.get() : nullptr;
    }

    /// At the end of this turn of the event loop.
    void send_soon();

    /// Now, as far as it goes without waiting: for the last words.
    void send_now() { flush(); }

    /// Closes a connection that is no longer believed, and makes another. The
    /// user is not told: it is the one who knows. Not from within a reply.
    void drop(Loss cause, const char* why);

    /// The same, where the next attempt is to be made at once: it is known to
    /// go elsewhere.
    void move();

private:
    enum class State : std::uint8_t {
        down,
        finding,
        connecting, // and the handshake of TLS
        greeting,
        ready,
    };

    static constexpr ngx_msec_t held_long_enough = 1000;

    static void on_found(void* context);
    static void on_opened(void* context);
    static void on_readable(void* context);
    static void on_writable(void* context);
    static void on_failed(void* context, Loss cause, const char* why,
                          ngx_err_t err);
    static void on_retry(ngx_event_t* ev);

    void begin_attempt();
    void try_connect();
    void greet();
    void receive();
    [[nodiscard]] bool take(std::string_view bytes);
    void flush();
    void became_ready();

    [[nodiscard]] bool proven() const noexcept
    {
        return verdict_.useful ||
               ngx_current_msec - ready_since_ >= held_long_enough;
    }

    void tell_return();
    void close();
    void lost(Loss cause, const char* why, ngx_err_t err = 0);
    void schedule(const char* why, bool was_ready, ngx_err_t err);

    const RedisConf& conf_;
    User user_;
    ngx_log_t* log_;
    State state_ = State::down;
    bool failed_ = false;
    bool let_down_ = false;     // by one that was ready, at last
    bool told_ = false;         // in the log, that it is unavailable
    bool told_refusal_ = false; // and that it refuses us
    Verdict verdict_;           // of the session that is, or was last
    Backoff backoff_;
    RedisPlace place_;
    std::size_t addr_ = 0;    // the one in use, or tried next
    std::size_t untried_ = 0; // addresses that are left for this attempt
    ngx_msec_t ready_since_ = 0;
    RedisSocket socket_;
    std::unique_ptr<RedisSession> session_;
    ngx_event_t flush_{}; // one send at the end of the loop's turn
    ngx_event_t retry_{}; // back-off, and the end of a search for addresses
};

} // namespace psm::edge
