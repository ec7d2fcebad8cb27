// SPDX-License-Identifier: BSD-2-Clause
//
// The invariant: a Lookup that was sent has its tag in the link's session
// until its reply came or the session is gone, so a tag never dangles. A
// Lookup ends in finish(), once, which takes its waiters off before it calls
// them: a resumed request may ask again.
//
// The fence: what Redis answered may be older than a change that the stream
// has told already, because the two come on two connections. So a change
// marks the look-ups of its key that were sent and are not answered; a marked
// answer is neither used nor kept, and the question is put again.

#include "lookup.hpp"

#include "clock.hpp"
#include "conf.hpp"
#include "counters.hpp"

#include <algorithm>
#include <utility>

namespace psm::edge {

namespace {

constexpr std::size_t max_pending = 1024;
constexpr unsigned max_fences = 2;

bool expired(const Lookup& lookup)
{
    return static_cast<ngx_msec_int_t>(ngx_current_msec - lookup.deadline) >= 0;
}

} // namespace

Lookups::Lookups(const MainConf& conf, const RedisGuide& guide,
                 Counters& counters, ngx_log_t* log)
    : conf_(conf), counters_(counters), log_(log), cache_(conf), decoder_(log),
      redis_(conf, guide,
             {.context = this,
              .reply = on_reply,
              .link = on_link,
              .record = on_record,
              .flush = on_flush,
              .proven =
                  [](void* context, Tick until) {
                      static_cast<Lookups*>(context)->cache_.believe_until(
                          until);
                  }},
             counters, log)
{
    deadline_.handler = on_deadline;
    deadline_.data = this;
    deadline_.log = log;
}

Lookups::~Lookups()
{
    if (deadline_.timer_set) {
        ngx_del_timer(&deadline_);
    }
    for (Lookup& lookup : pending_) {
        while (lookup.waiters != nullptr) {
            forget(*lookup.waiters);
        }
    }
}

Answer Lookups::ask(Subject subject, std::string_view name, bool strict,
                    Waiter& waiter)
{
    std::string key = record_key(conf_.redis->address.prefix, subject, name);
    Lookup* lookup = find_joinable(key, strict);

    if (lookup != nullptr) {
        counters_.add(Counter::lookups_coalesced);
    } else {
        if (link().refusing() || pending_.size() >= max_pending) {
            counters_.add(Counter::lookups_unavailable);
            return {};
        }
        lookup = &begin(subject, name, std::move(key));
        if (link().ready() && !send(*lookup)) {
            finish(*lookup, {});
            return {};
        }
        link().connect();
    }

    waiter.lookup = lookup;
    waiter.next = lookup->waiters;
    waiter.link = &lookup->waiters;
    if (waiter.next != nullptr) {
        waiter.next->link = &waiter.next;
    }
    lookup->waiters = &waiter;
    hooked_++;
    deadline_.cancelable = 0;
    return {.kind = Answer::Kind::waiting, .value = {}};
}

/// A look-up under way that will do; a strict one was not sent before it is
/// asked for. What Redis said longer ago than the lease is no more to be
/// believed on its way than it would be in the cache.
Lookup* Lookups::find_joinable(std::string_view key, bool strict)
{
    const Tick now = monotonic_now();
    const auto [first, last] = by_key_.equal_range(key);
    const auto it = std::find_if(first, last, [&](const auto& entry) {
        const Lookup& lookup = *entry.second;
        return !lookup.sent ||
               (!strict && now - lookup.sent_at < conf_.cache_lease);
    });
    return it == last ? nullptr : it->second;
}

/// Adds a look-up; on an exception nothing has changed.
Lookup& Lookups::begin(Subject subject, std::string_view name, std::string key)
{
    Pending fresh(1);
    Lookup& lookup = fresh.front();

    lookup.owner = this;
    lookup.key = std::move(key);
    lookup.name = name;
    lookup.subject = subject;
    lookup.deadline = ngx_current_msec + conf_.redis->address.timeout_ms;
    lookup.asked_us = monotonic_us();
    lookup.self = fresh.begin();
    by_key_.emplace(lookup.key, &lookup);
    pending_.splice(pending_.end(), fresh);

    if (!deadline_.timer_set) {
        arm_deadline();
    }
    return lookup;
}

void Lookups::forget(Waiter& waiter) noexcept
{
    if (waiter.lookup == nullptr) {
        return;
    }
    *waiter.link = waiter.next;
    if (waiter.next != nullptr) {
        waiter.next->link = waiter.link;
    }

    Lookups* owner = waiter.lookup->owner;
    owner->hooked_--;
    owner->deadline_.cancelable = owner->hooked_ == 0;
    waiter.lookup = nullptr;
}

bool Lookups::send(Lookup& lookup) noexcept
{
    lookup.sent_at = monotonic_now();
    lookup.watched = redis_.tells_changes();
    lookup.fenced = false;
    lookup.sent = guard(log_, false, [&] {
        return link().command({"GET", lookup.key},
                              reinterpret_cast<std::uintptr_t>(&lookup));
    });
    if (lookup.sent) {
        counters_.add(Counter::lookups, lookup.subject);
    }
    return lookup.sent;
}

void Lookups::on_link(void* context)
{
    auto* lookups = static_cast<Lookups*>(context);

    if (lookups->link().ready()) {
        lookups->link_ready();
    } else {
        lookups->link_lost();
    }
}

void Lookups::on_record(void* context, std::string_view key)
{
    auto* lookups = static_cast<Lookups*>(context);
    const RecordName record(lookups->conf_.redis->address.prefix, key);

    if (record.known()) {
        lookups->cache_.forget(record.subject(), record.name());
    }
    const auto [first, last] = lookups->by_key_.equal_range(key);
    for (auto it = first; it != last; ++it) {
        it->second->fenced = it->second->sent;
    }
}

void Lookups::on_flush(void* context, Flush why)
{
    static_cast<Lookups*>(context)->flush(why);
}

void Lookups::flush(Flush why)
{
    counters_.add(Counter::evict_alls, why);
    cache_.forget_all();
    if (why == Flush::moved && conf_.redis->address.tracking) {
        cache_.believe_until(0); // until the stream is proven again
    }
    // Before the first stream there was nothing that it could have missed.
    if (why == Flush::subscribed && !std::exchange(watched_before_, true)) {
        return;
    }
    for (Lookup& lookup : pending_) {
        lookup.fenced = lookup.sent;
    }
}

void Lookups::link_ready()
{
    for (auto it = pending_.begin(); it != pending_.end();) {
        Lookup& lookup = *it++;
        if (!lookup.sent && !send(lookup)) {
            finish(lookup, {});
        }
    }
}

/// What was in flight is asked once more, unless nobody can say when.
void Lookups::link_lost()
{
    Pending failed;

    for (auto it = pending_.begin(); it != pending_.end();) {
        const auto lookup = it++;
        const bool twice = lookup->sent && lookup->retried;

        lookup->retried = lookup->retried || lookup->sent;
        lookup->sent = false;
        if (link().refusing() || twice || expired(*lookup)) {
            failed.splice(failed.end(), pending_, lookup);
        }
    }
    while (!failed.empty()) {
        pending_.splice(pending_.begin(), failed, failed.begin());
        finish(pending_.front(), {});
    }
}

void Lookups::on_reply(void* context, std::uint64_t tag,
                       const RedisReply& reply)
{
    auto* lookups = static_cast<Lookups*>(context);

    lookups->read_reply(*reinterpret_cast<Lookup*>(tag), reply);
}

void Lookups::read_reply(Lookup& lookup, const RedisReply& reply)
{
    counters_.observe(monotonic_us() - lookup.asked_us);
    if (lookup.fenced) {
        counters_.add(Counter::lookups_fenced);
        if (!ask_again(lookup)) {
            finish(lookup, {});
        }
        return;
    }

    const Answer answer = decoder_.read(lookup.subject, lookup.key, reply);

    if (lookup.watched && redis_.tells_changes()) {
        guard(log_, 0, [&] {
            cache_.remember(lookup.subject, lookup.name, answer,
                            lookup.sent_at);
            return 0;
        });
    } else {
        cache_.heed(lookup.subject, lookup.name, answer);
    }
    finish(lookup, answer);
}

/// Within its own deadline; a record that changes all the time is given up.
bool Lookups::ask_again(Lookup& lookup) noexcept
{
    if (++lookup.fences > max_fences) {
        return false;
    }
    counters_.add(Counter::lookups_reasked);
    return send(lookup);
}

void Lookups::finish(Lookup& lookup, const Answer& answer)
{
    Waiter* waiters = lookup.waiters;

    if (answer.kind == Answer::Kind::unavailable) {
        counters_.add(Counter::lookups_unavailable);
    }

    // From here on no waiter can reach the look-up, and each that is
    // forgotten on the way is taken off this list.
    Lookup rest;
    rest.owner = this;
    rest.waiters = waiters;
    if (waiters != nullptr) {
        waiters->link = &rest.waiters;
    }
    for (Waiter* w = waiters; w != nullptr; w = w->next) {
        w->lookup = &rest;
    }

    const auto [first, last] = by_key_.equal_range(lookup.key);
    by_key_.erase(std::find_if(first, last, [&](const auto& entry) {
        return entry.second == &lookup;
    }));
    pending_.erase(lookup.self);
    if (pending_.empty() && deadline_.timer_set) {
        ngx_del_timer(&deadline_);
    }

    while (rest.waiters != nullptr) {
        Waiter* waiter = rest.waiters;
        forget(*waiter);
        waiter->answered(waiter, answer);
    }
}

void Lookups::on_deadline(ngx_event_t* ev)
{
    static_cast<Lookups*>(ev->data)->fail_expired();
}

/// Replies come in order: once one is overdue, none behind it can be
/// trusted to come in time, so the connection goes and the younger look-ups
/// are asked again on the next.
void Lookups::fail_expired()
{
    if (std::ranges::any_of(
            pending_, [](const Lookup& l) { return l.sent && expired(l); })) {
        link().drop(Loss::timeout, "a look-up was not answered in time");
        link_lost();
    }
    while (!pending_.empty() && expired(pending_.front())) {
        finish(pending_.front(), {});
    }
    if (!pending_.empty()) {
        arm_deadline();
    }
}

/// For the oldest look-up: they all have the same time.
void Lookups::arm_deadline()
{
    const auto left = static_cast<ngx_msec_int_t>(pending_.front().deadline -
                                                  ngx_current_msec);

    if (deadline_.timer_set) {
        ngx_del_timer(&deadline_);
    }
    ngx_add_timer(&deadline_,
                  static_cast<ngx_msec_t>(std::max<ngx_msec_int_t>(left, 1)));
}

} // namespace psm::edge
