// SPDX-License-Identifier: BSD-2-Clause
//
// The invariant: a Lookup that was sent has its tag in the link's session
// until its reply came or the session is gone, so a tag never dangles. A
// Lookup ends in finish(), once, which takes its waiters off before it calls
// them: a resumed request may ask again.

#include "lookup.hpp"

#include "conf.hpp"
#include "counters.hpp"

#include "../lib/digest.hpp"
#include "../lib/identity.hpp"
#include "../lib/record.hpp"

#include <algorithm>

namespace psm::edge {

namespace {

constexpr std::size_t max_pending = 1024;
constexpr ngx_msec_t complaint_pause = 10000;

bool expired(const Lookup& lookup)
{
    return static_cast<ngx_msec_int_t>(ngx_current_msec - lookup.deadline) >= 0;
}

} // namespace

Lookups::Lookups(const MainConf& conf, Counters& counters, ngx_log_t* log)
    : conf_(conf), counters_(counters), log_(log), cache_(conf),
      link_(*conf.redis,
            {.context = this, .reply = on_reply, .changed = on_changed}, log)
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
    std::string key = key_of(subject, name);
    Lookup* lookup = nullptr;

    if (const auto it = shared_.find(key);
        it != shared_.end() && (!strict || !it->second->sent)) {
        lookup = it->second;
        counters_.add(Counter::lookups_coalesced);

    } else {
        if (link_.refusing() || pending_.size() >= max_pending) {
            counters_.add(Counter::lookups_unavailable);
            return {};
        }
        lookup = &begin(subject, name, std::move(key), it == shared_.end());
        if (link_.ready() && !send(*lookup)) {
            finish(*lookup, {});
            return {};
        }
        link_.connect();
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

/// Adds a look-up; on an exception nothing has changed.
Lookup& Lookups::begin(Subject subject, std::string_view name, std::string key,
                       bool shared)
{
    Pending fresh(1);
    Lookup& lookup = fresh.front();

    lookup.owner = this;
    lookup.key = std::move(key);
    lookup.name = name;
    lookup.subject = subject;
    lookup.deadline = ngx_current_msec + conf_.redis->address.timeout_ms;
    lookup.asked_us = monotonic_us();
    lookup.shared = shared;
    lookup.self = fresh.begin();
    if (shared) {
        shared_.emplace(lookup.key, &lookup);
    }
    pending_.splice(pending_.end(), fresh);

    if (!deadline_.timer_set) {
        arm_deadline();
    }
    return lookup;
}

std::string Lookups::key_of(Subject subject, std::string_view name) const
{
    std::string key = conf_.redis->address.prefix;

    if (subject == Subject::channel) {
        return key.append("c:").append(name);
    }

    TokenDigest digest;
    std::ranges::copy(name, digest.bytes.begin());
    const auto hex = digest.hex();
    return key.append("t:").append(hex.data(), hex.size());
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
    lookup.sent_at = ngx_current_msec;
    lookup.sent = guard(log_, false, [&] {
        return link_.command({"GET", lookup.key},
                             reinterpret_cast<std::uintptr_t>(&lookup));
    });
    if (lookup.sent) {
        counters_.add(Counter::lookups, lookup.subject);
    }
    return lookup.sent;
}

RedisState Lookups::redis_state() const noexcept
{
    return link_.ready()      ? RedisState::ready
           : link_.refusing() ? RedisState::down
                              : RedisState::connecting;
}

void Lookups::on_changed(void* context)
{
    auto* lookups = static_cast<Lookups*>(context);

    lookups->counters_.set(Gauge::redis_state, lookups->redis_state());
    if (lookups->link_.ready()) {
        lookups->link_ready();
    } else {
        lookups->link_lost();
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
        if (link_.refusing() || twice || expired(*lookup)) {
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
    std::string value;
    Answer answer;

    counters_.observe(monotonic_us() - lookup.asked_us);

    // Only nil is "unknown". -LOADING, -NOAUTH, -MOVED and whatever else is
    // no record mean that Redis did not say.
    if (reply.type == RedisType::nil) {
        answer.kind = Answer::Kind::absent;

    } else if (reply.type == RedisType::string) {
        answer = guard(log_, Answer{},
                       [&] { return decode(lookup, reply.text, value); });

    } else {
        guard(log_, 0, [&] { return complain(lookup, reply), 0; });
    }

    guard(log_, 0, [&] {
        cache_.remember(lookup.subject, lookup.name, answer, lookup.sent_at);
        return 0;
    });
    finish(lookup, answer);
}

/// One line for each kind of trouble, not one per request: -LOADING may be
/// the answer to thousands.
void Lookups::complain(const Lookup& lookup, const RedisReply& reply)
{
    std::string text = quote_reply(reply.text);

    if (text == complaint_ &&
        ngx_current_msec - complained_ < complaint_pause) {
        return;
    }
    ngx_log_error(NGX_LOG_ERR, log_, 0,
                  "psm token: redis answered the look-up of \"%s\" with: %s",
                  lookup.key.c_str(), text.c_str());
    complaint_ = std::move(text);
    complained_ = ngx_current_msec;
}

Answer Lookups::decode(const Lookup& lookup, std::string_view text,
                       std::string& value)
{
    std::optional<std::string> error;

    if (lookup.subject == Subject::token) {
        TokenRecord record;
        error = decode_token_record(text, record);
        if (!error) {
            value = pack(record);
        }
    } else {
        Privacy privacy{};
        error = decode_channel_record(text, privacy);
        value.assign(1, static_cast<char>(privacy));
    }

    if (error) {
        ngx_log_error(NGX_LOG_ERR, log_, 0,
                      "psm token: record \"%s\" is invalid: %s",
                      lookup.key.c_str(), error->c_str());
        return {.kind = Answer::Kind::invalid, .value = {}};
    }
    return {.kind = Answer::Kind::found, .value = value};
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

    if (lookup.shared) {
        shared_.erase(lookup.key);
    }
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
        link_.drop("a look-up was not answered in time");
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
