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
#include "redis_pair.hpp"
#include "reply_decoder.hpp"

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace psm::edge {

class Counters;
class Lookups;
enum class RedisState : std::uint8_t;
struct MainConf;
struct Waiter;

/// A look-up under way.
struct Lookup {
    std::string key; // in Redis
    std::string name;
    Subject subject{};
    ngx_msec_t deadline = 0;
    Tick sent_at = 0;           // what the answer tells is at most this old
    std::uint64_t asked_us = 0; // for the metrics
    bool sent = false;
    bool retried = false;
    bool watched = false; // since it was sent, its changes are told
    bool fenced = false;  // its record changed meanwhile: the answer is no use
    unsigned fences = 0;  // how often that was so
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
    Lookups(const MainConf& conf, const RedisGuide& guide, Counters& counters,
            ngx_log_t* log);
    ~Lookups();
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    [[nodiscard]] RedisPair& redis() noexcept { return redis_; }

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

    // For the metrics.
    [[nodiscard]] const RecordCache& cache() const noexcept { return cache_; }

    [[nodiscard]] std::size_t outstanding() const noexcept
    {
        return pending_.size();
    }

private:
    using Pending = std::list<Lookup>;

    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);
    static void on_link(void* context);
    static void on_record(void* context, std::string_view key);
    static void on_flush(void* context, Flush why);
    static void on_deadline(ngx_event_t* ev);

    [[nodiscard]] Lookup* find_joinable(std::string_view key, bool strict);
    [[nodiscard]] Lookup& begin(Subject subject, std::string_view name,
                                std::string key);

    [[nodiscard]] RedisLink& link() noexcept { return redis_.link(); }

    [[nodiscard]] bool send(Lookup& lookup) noexcept;
    [[nodiscard]] bool ask_again(Lookup& lookup) noexcept;
    void flush(Flush why);
    void link_ready();
    void link_lost();
    void read_reply(Lookup& lookup, const RedisReply& reply);
    void finish(Lookup& lookup, const Answer& answer);
    void fail_expired();
    void arm_deadline();

    const MainConf& conf_;
    Counters& counters_;
    ngx_log_t* log_;
    RecordCache cache_;
    Pending pending_; // oldest deadline first
    std::unordered_multimap<std::string_view, Lookup*> by_key_;
    bool watched_before_ = false; // there was an invalidation stream
    std::size_t hooked_ = 0; // waiters: while there are some, the worker stays
    ngx_event_t deadline_{};
    ReplyDecoder decoder_;
    RedisPair redis_;
};

} // namespace psm::edge
