// SPDX-License-Identifier: BSD-2-Clause
//
// A worker's connection for look-ups: commands whose replies are believed
// only behind a ReplyFence. What leaves in one send ends with a PING; that of
// the greeting proves that Redis serves us. The greeting also asks which
// server this is, because what it says may only be remembered while the
// invalidation stream comes from the same one. Whether it is still the master
// is asked each second: one that was made a replica may fall behind without a
// word.

#pragma once

#include "counters.hpp"
#include "redis_connection.hpp"
#include "reply_fence.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace psm::edge {

class RedisLink {
public:
    struct Owner {
        void* context;
        RedisSession::Handler reply;
        /// The link became ready, or what was in flight will stay
        /// unanswered: ask ready() which.
        void (*changed)(void* context);
        /// The server is no master any more. From within a reply.
        void (*demoted)(void* context);
    };

    RedisLink(const RedisConf& conf, const RedisGuide& guide,
              const Owner& owner, Counters& counters, ngx_log_t* log);
    ~RedisLink();
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;

    void connect() { connection_.connect(); }

    [[nodiscard]] bool ready() const noexcept { return connection_.ready(); }

    /// See RedisConnection.
    [[nodiscard]] bool refusing() const noexcept
    {
        return connection_.refusing();
    }

    /// Queues a command of a ready link; false when it takes no more. Tags
    /// are addresses.
    [[nodiscard]] bool command(std::initializer_list<std::string_view> words,
                               std::uint64_t tag);

    /// See RedisConnection.
    void drop(Loss cause, const char* why) { connection_.drop(cause, why); }

    /// Of the server behind a ready link; empty when it does not say.
    [[nodiscard]] std::string_view run_id() const noexcept { return run_id_; }

    /// See RedisConnection.
    void move() { connection_.move(); }

private:
    enum Question : std::uint64_t { server = 1, replication };

    static bool greet(void* context, RedisSession& session);
    static bool complete(void* context, RedisSession& session);
    static RedisConnection::Verdict judge(void* context);
    static void fenced(void* context, std::uint64_t tag,
                       const RedisReply& reply);
    static void changed(void* context);
    static void count(void* context, Loss cause);
    static void on_timer(ngx_event_t* ev);
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);

    void take_role(const RedisReply& reply);

    Owner owner_;
    Counters& counters_;
    bool watches_; // asks what server it is
    bool guided_;  // a server that is no master is none of ours
    bool demoted_ = false;
    bool fence_due_ = false; // commands were given since the last PING
    ReplyFence fence_;
    std::string run_id_;
    ngx_event_t timer_{};
    RedisConnection connection_;
};

} // namespace psm::edge
