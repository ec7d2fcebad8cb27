// SPDX-License-Identifier: BSD-2-Clause
//
// The calls of an ApiLink that wait: to be sent, or for their replies, which
// come in the order of the calls. Each has a deadline; who waits is told in
// time, from within finish() or fail() of his call.
//
// A call is taken off before it is told: who goes on may call again, or forget
// others. As long as somebody waits, the worker stays.

#pragma once

#include "ngx.hpp"

#include "../lib/redis_port.hpp"

#include <cstdint>
#include <list>
#include <stdexcept>
#include <string>

namespace psm::edge {

/// A call that has no answer.
class CallFailed : public std::runtime_error {
public:
    CallFailed(const std::string& why, RedisCall::Effect effect, bool sent)
        : std::runtime_error(why), effect_(effect), sent_(sent)
    {
    }

    [[nodiscard]] RedisCall::Effect effect() const noexcept { return effect_; }

    /// Redis may have carried it out.
    [[nodiscard]] bool sent() const noexcept { return sent_; }

private:
    RedisCall::Effect effect_;
    bool sent_;
};

struct Pending {
    RedisCall* call = nullptr; // nullptr: nobody waits, the reply is to come
    RedisCall::Effect effect{};
    ngx_msec_t deadline = 0; // of who waits
    ngx_msec_t limit = 0;    // of the connection
    bool sent = false;       // its reply is to come
    bool lost = false;       // that went with its session
    bool failed = false;     // will be told
};

class CallQueue {
public:
    struct Owner {
        void* context;
        /// A reply is overdue: the session has to go, and fail_lost() told.
        void (*overdue)(void* context);
    };

    CallQueue(const Owner& owner, ngx_log_t* log);
    ~CallQueue();
    CallQueue(const CallQueue&) = delete;
    CallQueue& operator=(const CallQueue&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return pending_.size(); }

    /// Stands still in memory until it is taken. `timeout` is that of a read.
    Pending& add(RedisCall& call, ngx_msec_t timeout);

    /// Nobody waits for it any more.
    void forget(RedisCall& call) noexcept;

    /// Takes one off without a word, for its reply: its call, if somebody
    /// waits.
    RedisCall* take(const Pending& pending) noexcept;

    /// Gives those that are not sent to `send`, and fails where that is false.
    template <class Send>
    void send_all(Send send, const char* why)
    {
        for (Pending& pending : pending_) {
            pending.failed = !pending.sent && !send(pending);
        }
        fail_marked(why);
    }

    /// There is no session any more. `all`: also what was not sent.
    void fail_lost(const char* why, bool all);

private:
    static void on_deadline(ngx_event_t* ev);

    void check();
    void fail_marked(const char* why);
    void arm(ngx_msec_t due);
    void settle() noexcept;

    Owner owner_;
    std::list<Pending> pending_; // in the order of the calls
    ngx_event_t deadline_{};     // of the earliest
    ngx_msec_t due_ = 0;         // when it is, while its timer is set
};

} // namespace psm::edge
