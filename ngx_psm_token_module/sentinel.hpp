// SPDX-License-Identifier: BSD-2-Clause
//
// One sentinel: asked each second where the master is, and listened to for
// the news that it moved. Two connections, because RESP2 takes no questions
// on one that is subscribed.

#pragma once

#include "redis_connection.hpp"

#include <string>
#include <string_view>

namespace psm::edge {

class Sentinel {
public:
    struct Owner {
        void* context = nullptr;
        /// Where the master is, by this sentinel: said again and again, from
        /// within a reply. It may drop no connection of the sentinel's.
        void (*named)(void* context, unsigned number, std::string_view host,
                      std::string_view port) = nullptr;
    };

    /// `number` tells it from the others; `master` is the master's name.
    Sentinel(const RedisConf& conf, std::string_view master, unsigned number,
             const Owner& owner, ngx_log_t* log);
    ~Sentinel();
    Sentinel(const Sentinel&) = delete;
    Sentinel& operator=(const Sentinel&) = delete;

    void start();

private:
    static bool greet_questions(void* context, RedisSession& session);
    static bool greet_news(void* context, RedisSession& session);
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);
    static RedisConnection::Verdict judge_questions(void* context);
    static RedisConnection::Verdict judge_news(void* context);
    static void on_timer(ngx_event_t* ev);

    [[nodiscard]] bool ask(RedisSession& session);
    void take_answer(const RedisReply& reply);
    void take_news(const RedisReply& reply);
    void poll();

    std::string master_;
    unsigned number_;
    Owner owner_;
    std::string name_;       // for the log
    bool asked_ = false;     // \ and not answered yet
    bool pinged_ = false;    // /
    bool overtaken_ = false; // news came since it was asked
    bool answered_ = false;  // something, on this connection
    bool listening_ = false;
    std::string question_doubt_; // \ why a connection is of no use
    std::string news_doubt_;     // /
    ngx_event_t timer_{};
    RedisConnection questions_;
    RedisConnection news_;
};

} // namespace psm::edge
