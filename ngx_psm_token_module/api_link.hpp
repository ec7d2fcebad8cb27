// SPDX-License-Identifier: BSD-2-Clause
//
// A worker's connection for the API: commands of many requests, one behind the
// other, each answered in turn, by a master only. It never waits; who called
// does, in a coroutine.
//
// A call waits within its deadline for a connection that is being made. What
// was in flight on one that is lost fails, and is not asked again: of a change
// nobody knows whether it was made.

#pragma once

#include "call_queue.hpp"
#include "redis_connection.hpp"
#include "sentinels.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace psm::edge {

class ApiLink {
public:
    ApiLink(const RedisConf& conf, ngx_log_t* log);
    /// Fails what is left.
    ~ApiLink();
    ApiLink(const ApiLink&) = delete;
    ApiLink& operator=(const ApiLink&) = delete;

    /// Connects ahead of the first request.
    void start();

    /// As RedisPort has it; throws CallFailed, or std::bad_alloc.
    void begin(RedisCall& call);

    void forget(RedisCall& call) noexcept { calls_.forget(call); }

    [[nodiscard]] const RedisConf& conf() const noexcept { return conf_; }

private:
    /// Tags of our own commands; those of calls are addresses.
    enum Tag : std::uint64_t { ping = 1, role };

    static bool greet(void* context, RedisSession& session);
    static RedisConnection::Verdict judge(void* context);
    static void on_changed(void* context);
    static void on_moved(void* context);
    static void on_overdue(void* context);
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);

    [[nodiscard]] bool send(Pending& pending);
    void fail_lost(const char* why);
    void take_ping(const RedisReply& reply);
    void take_role(const RedisReply& reply);
    void take_answer(Pending& pending, const RedisReply& reply);
    void doubt(std::string why, Loss cause);

    const RedisConf& conf_;
    ngx_log_t* log_;
    CallQueue calls_;
    bool closing_ = false;

    // Of the session that is, or was last.
    std::string doubt_; // why it is not believed any more
    Loss cause_{};
    bool greeted_ = false;
    bool refused_ = false;
    bool useful_ = false;
    ngx_msec_t asked_role_ = 0;

    std::optional<Sentinels> sentinels_;
    RedisConnection connection_;
};

} // namespace psm::edge
