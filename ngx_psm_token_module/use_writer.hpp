// SPDX-License-Identifier: BSD-2-Clause
//
// Writes into Redis when tokens were last used: every half a minute or so,
// what a worker has noted since, into the hash <prefix>u, by a user of its own
// that may do nothing else. Never on the way of a request. What cannot be
// written is dropped: it is a help for people, no record.

#pragma once

#include "redis_connection.hpp"
#include "sentinels.hpp"

#include "../lib/last_used.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace psm::edge {

class UseWriter {
public:
    /// `pause` in milliseconds: from one writing to the next, up to a sixth
    /// less by chance.
    UseWriter(const RedisConf& conf, ngx_msec_t pause, ngx_log_t* log);
    ~UseWriter();
    UseWriter(const UseWriter&) = delete;
    UseWriter& operator=(const UseWriter&) = delete;

    void start();

    /// Neither allocates nor fails.
    void note(std::string_view id, std::int64_t second) noexcept
    {
        used_.note(id, second);
    }

private:
    static void on_timer(ngx_event_t* ev);
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);

    void drop_silent();
    void write();
    void send(RedisSession& session);
    void schedule();

    const RedisConf& conf_;
    ngx_msec_t pause_;
    ngx_log_t* log_;
    LastUsed used_;
    bool complained_ = false;
    bool greeted_ = false;
    ngx_event_t timer_{};
    std::optional<Sentinels> sentinels_;
    RedisConnection connection_;
};

} // namespace psm::edge
