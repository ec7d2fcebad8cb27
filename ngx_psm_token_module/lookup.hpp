// SPDX-License-Identifier: BSD-2-Clause
//
// What a worker knows of tokens and channels: from its caches, else from
// Redis, asked once per key however many requests wait for it.
//
//     Answer a = lookups.find(Subject::token, digest.view());
//     if (a.kind == Answer::Kind::waiting) {
//         a = lookups.ask(Subject::token, digest.view(), false, waiter);
//     }
//     if (a.kind == Answer::Kind::waiting) { suspend; answered() comes }
//
// A Waiter belongs to its request, stands still in memory while it is hooked,
// and must be unhooked (forget) before the request goes. ask() never calls
// back; answers come from the event loop.

#pragma once

#include "ngx.hpp"
#include "record_cache.hpp"
#include "redis_link.hpp"
#include "redis_stream.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace psm::edge {

class Lookups;
struct MainConf;
struct Waiter;

/// A look-up under way.
struct Lookup {
    std::string key; // in Redis
    std::string name;
    Subject subject{};
    ngx_msec_t deadline = 0;
    Tick sent_at = 0; // what the answer tells is at most this old
    bool sent = false;
    bool retried = false;
    bool watched = false; // since it was sent, its changes are told
    bool fenced = false; // its record changed meanwhile: the answer is no use
    unsigned fences = 0; // how often that was so
    Lookups* owner = nullptr;
    Waiter* waiters = nullptr; // a list
    std::list<Lookup>::iterator self{};
};

struct Waiter {
    void (*answered)(Waiter* waiter, const Answer& answer) = nullptr;
    void* context = nullptr;
    unsigned slot = 0;
    Lookup* lookup = nullptr; // nullptr: not hooked
    Waiter* next = nullptr;
    Waiter** link = nullptr; // what points to it
};

class Lookups {
public:
    /// `guide` tells where the master is, behind sentinels.
    Lookups(const MainConf& conf, const RedisGuide& guide, ngx_log_t* log);
    ~Lookups();
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    /// Connects ahead of the first request.
    void start();

    /// Redis is elsewhere: both connections go there at once, and nothing
    /// from before counts.
    void move();

    /// What the caches say; Kind::waiting when they say nothing. Neither
    /// allocates nor locks.
    [[nodiscard]] Answer find(Subject subject, std::string_view name) noexcept
    {
        return cache_.find(subject, name);
    }

    /// For one whom Redis gave no answer; see RecordCache.
    [[nodiscard]] Answer find_stale(Subject subject,
                                    std::string_view name) noexcept
    {
        return cache_.find_stale(subject, name);
    }

    /// Asks Redis: Kind::waiting when the waiter was hooked, and
    /// Kind::unavailable when it was not. `strict`: a look-up that was sent
    /// earlier will not do.
    [[nodiscard]] Answer ask(Subject subject, std::string_view name,
                             bool strict, Waiter& waiter);

    /// Unhooks a waiter; its look-up goes on for the cache.
    static void forget(Waiter& waiter) noexcept;

private:
    using Pending = std::list<Lookup>;

    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);
    static void on_link(void* context);
    static void on_demoted(void* context);
    static void on_record(void* context, std::string_view key);
    static void on_flush(void* context, Flush why);
    static void on_stream(void* context);
    static void on_deadline(ngx_event_t* ev);

    [[nodiscard]] Lookup* find_joinable(std::string_view key, bool strict);
    [[nodiscard]] Lookup& begin(Subject subject, std::string_view name,
                                std::string key);
    [[nodiscard]] bool send(Lookup& lookup) noexcept;
    [[nodiscard]] bool ask_again(Lookup& lookup) noexcept;
    [[nodiscard]] bool may_remember() const noexcept;
    [[nodiscard]] bool on_two_servers() const noexcept;
    void flush(Flush why);
    void link_ready();
    void link_lost();
    void read_reply(Lookup& lookup, const RedisReply& reply);
    void complain(const Lookup& lookup, const RedisReply& reply);
    [[nodiscard]] Answer decode(const Lookup& lookup, std::string_view text,
                                std::string& value);
    void finish(Lookup& lookup, const Answer& answer);
    void fail_expired();
    void arm_deadline();

    const MainConf& conf_;
    ngx_log_t* log_;
    RecordCache cache_;
    Pending pending_; // oldest deadline first
    std::unordered_multimap<std::string_view, Lookup*> by_key_;
    bool watched_before_ = false; // there was an invalidation stream
    std::size_t hooked_ = 0; // waiters: while there are some, the worker stays
    ngx_event_t deadline_{};
    std::string complaint_; // the error that was logged last, and when
    ngx_msec_t complained_ = 0;
    RedisLink link_;
    std::optional<RedisStream> stream_; // none where nothing is remembered
};

} // namespace psm::edge
