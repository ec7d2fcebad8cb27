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

#include "../lib/identity.hpp"
#include "../lib/record.hpp"

#include <algorithm>
#include <utility>

namespace psm::edge {

namespace {

constexpr std::size_t max_pending = 1024;
constexpr ngx_msec_t complaint_pause = 10000;
constexpr unsigned max_fences = 2;

bool expired(const Lookup& lookup)
{
    return static_cast<ngx_msec_int_t>(ngx_current_msec - lookup.deadline) >= 0;
}

} // namespace

Lookups::Lookups(const MainConf& conf, const RedisGuide& guide, ngx_log_t* log)
    : conf_(conf), log_(log), cache_(conf), link_(*conf.redis, guide,
                                                  {.context = this,
                                                   .reply = on_reply,
                                                   .changed = on_link,
                                                   .demoted = on_demoted},
                                                  log)
{
    if (conf.cache != 0 && conf.redis->address.tracking) {
        stream_.emplace(
            *conf.redis, guide, conf.cache_lease,
            RedisStream::Owner{
                .context = this,
                .changed = on_record,
                .flush = on_flush,
                .proven =
                    [](void* context, Tick until) {
                        static_cast<Lookups*>(context)->cache_.believe_until(
                            until);
                    },
                .turned = on_stream},
            log);
    }
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

void Lookups::start()
{
    link_.connect();
    if (stream_) {
        stream_->connect();
    }
}

void Lookups::move()
{
    flush(Flush::moved);
    if (stream_) {
        stream_->move("follows the master");
    }
    link_.move("follows the master");
    link_lost();
}

Answer Lookups::ask(Subject subject, std::string_view name, bool strict,
                    Waiter& waiter)
{
    std::string key = record_key(conf_.redis->address.prefix, subject, name);
    Lookup* lookup = find_joinable(key, strict);

    if (lookup == nullptr) {
        if (link_.refusing() || pending_.size() >= max_pending) {
            return {};
        }
        lookup = &begin(subject, name, std::move(key));
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

/// A look-up under way that will do; a strict one was not sent before it is
/// asked for.
Lookup* Lookups::find_joinable(std::string_view key, bool strict)
{
    const auto [first, last] = by_key_.equal_range(key);
    const auto it = std::find_if(first, last, [strict](const auto& entry) {
        return !strict || !entry.second->sent;
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
    lookup.watched = may_remember();
    lookup.fenced = false;
    lookup.sent = guard(log_, false, [&] {
        return link_.command({"GET", lookup.key},
                             reinterpret_cast<std::uintptr_t>(&lookup));
    });
    return lookup.sent;
}

/// The later of two that disagree is believed: the one from before was not
/// told that the master is another one now.
void Lookups::on_link(void* context)
{
    auto* lookups = static_cast<Lookups*>(context);

    if (lookups->link_.ready()) {
        if (lookups->on_two_servers()) {
            lookups->flush(Flush::moved);
            lookups->stream_->drop("look-ups reach another server");
        }
        lookups->link_ready();
    } else {
        lookups->link_lost();
    }
}

/// What comes from a replica may be old: the stream goes, and finds out.
void Lookups::on_demoted(void* context)
{
    auto* lookups = static_cast<Lookups*>(context);

    lookups->flush(Flush::moved);
    if (lookups->stream_ && lookups->stream_->live()) {
        lookups->stream_->drop("the server is no master any more");
    }
}

void Lookups::on_stream(void* context)
{
    auto* lookups = static_cast<Lookups*>(context);

    if (lookups->on_two_servers()) {
        lookups->flush(Flush::moved);
        lookups->link_.drop("the invalidation stream reaches another server");
        lookups->link_lost();
    }
}

bool Lookups::on_two_servers() const noexcept
{
    return stream_ && stream_->live() && link_.ready() &&
           !link_.run_id().empty() && link_.run_id() != stream_->run_id();
}

/// Nothing is kept whose change would not be told.
bool Lookups::may_remember() const noexcept
{
    return !conf_.redis->address.tracking ||
           (stream_ && stream_->live() && link_.ready() &&
            link_.run_id() == stream_->run_id());
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
    cache_.forget_all();
    if (why == Flush::moved) {
        cache_.believe_until(0);
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

    if (lookup.fenced) {
        if (!ask_again(lookup)) {
            finish(lookup, {});
        }
        return;
    }

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

    if (lookup.watched && may_remember()) {
        guard(log_, 0, [&] {
            cache_.remember(lookup.subject, lookup.name, answer,
                            lookup.sent_at);
            return 0;
        });
    }
    finish(lookup, answer);
}

/// Within its own deadline; a record that changes all the time is given up.
bool Lookups::ask_again(Lookup& lookup) noexcept
{
    return ++lookup.fences <= max_fences && send(lookup);
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
