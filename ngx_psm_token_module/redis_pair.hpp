// SPDX-License-Identifier: BSD-2-Clause
//
// A worker's two connections to Redis: the link that answers look-ups, and the
// stream that tells changes. What the one says may only be remembered while
// the other comes from the same server, a master. Of two that disagree the
// later is believed: the one from before was not told that the master is
// another one now.

#pragma once

#include "counters.hpp"
#include "redis_link.hpp"
#include "redis_stream.hpp"

#include <optional>
#include <string_view>

namespace psm::edge {

struct MainConf;

class RedisPair {
public:
    /// `record` and `flush` come from within a reply.
    struct Owner {
        void* context = nullptr;
        RedisSession::Handler reply = nullptr;
        /// The link became ready, or what was in flight will stay
        /// unanswered.
        void (*link)(void* context) = nullptr;
        /// The record of this key changed, or came to be.
        void (*record)(void* context, std::string_view key) = nullptr;
        void (*flush)(void* context, Flush why) = nullptr;
        /// What is remembered may be believed until then.
        void (*proven)(void* context, Tick until) = nullptr;
    };

    RedisPair(const MainConf& conf, const RedisGuide& guide, const Owner& owner,
              Counters& counters, ngx_log_t* log);

    void start();

    /// Redis is elsewhere: both go there at once, and nothing from before
    /// counts.
    void move();

    [[nodiscard]] RedisLink& link() noexcept { return link_; }

    /// What the link says now may be remembered: either its changes would be
    /// told, or the configuration does without.
    [[nodiscard]] bool tells_changes() const noexcept;

    [[nodiscard]] RedisState link_state() const noexcept;
    [[nodiscard]] StreamState stream_state() const noexcept;

private:
    static void on_link(void* context);
    static void on_demoted(void* context);
    static void on_stream(void* context);
    static void on_proven(void* context, Tick until);
    static void on_loss(void* context, Loss cause);

    [[nodiscard]] bool disagree() const noexcept;
    void on_flush(Flush why);

    void flush(Flush why) const { owner_.flush(owner_.context, why); }

    const MainConf& conf_;
    Owner owner_;
    Counters& counters_;
    Tick forged_at_ = 0; // when a PUBLISH was heeded last
    RedisLink link_;
    std::optional<RedisStream> stream_; // none where nothing is remembered
};

} // namespace psm::edge
