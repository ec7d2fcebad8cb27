// SPDX-License-Identifier: BSD-2-Clause

#include "redis_stream.hpp"

#include "clock.hpp"
#include "conf.hpp"

#include <algorithm>

namespace psm::edge {

namespace {

// All keys that one script or one turn of Redis' loop changed come in one
// message. Larger ones end the connection, which forgets everything.
constexpr RedisLimits limits{.max_reply = std::size_t{32} * 1024 * 1024,
                             .max_elements = std::size_t{256} * 1024};

constexpr ngx_msec_t pings_in_a_lease = 8;
constexpr ngx_msec_t shortest_pause = 10;

/// Of a doubt.
Loss cause_of(const RedisTracking& tracking)
{
    if (tracking.live()) {
        return Loss::protocol;
    }
    if (tracking.replica()) {
        return Loss::wrong_role;
    }
    return tracking.refused() ? Loss::refused : Loss::loading;
}

} // namespace

RedisStream::RedisStream(const RedisConf& conf, const RedisGuide& guide,
                         ngx_msec_t lease, const Owner& owner, ngx_log_t* log)
    : conf_(conf), owner_(owner), log_(log), lease_(lease),
      tracking_({.context = owner.context,
                 .changed = owner.changed,
                 .flush = owner.flush,
                 .now = [](void*) { return monotonic_now(); }}),
      connection_(
          conf, guide,
          {.context = this,
           .name = "redis invalidation stream",
           .without = "; nothing is cached without it",
           .limits = limits,
           .reply =
               [](void* context, std::uint64_t tag, const RedisReply& reply) {
                   RedisTracking::on_reply(
                       &static_cast<RedisStream*>(context)->tracking_, tag,
                       reply);
               },
           .greet = greet,
           .complete = [](void*, RedisSession&) { return true; },
           .judge = judge,
           .changed = turned,
           .count =
               [](void* context, Loss cause) {
                   static_cast<RedisStream*>(context)->lose(cause);
               }},
          log)
{
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = log;
    timer_.cancelable = 1;
}

RedisStream::~RedisStream()
{
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

bool RedisStream::greet(void* context, RedisSession& session)
{
    auto* stream = static_cast<RedisStream*>(context);

    return stream->tracking_.greet(session, stream->conf_.address.prefix);
}

/// What could not be read may have been a change.
void RedisStream::lose(Loss cause)
{
    const bool unread = cause == Loss::protocol || cause == Loss::internal;

    if (unread && live() && tracking_.doubt().empty()) {
        owner_.flush(owner_.context, Flush::unknown);
    }
    owner_.count(owner_.context, cause);
}

RedisConnection::Verdict RedisStream::judge(void* context)
{
    auto* stream = static_cast<RedisStream*>(context);
    const RedisTracking& tracking = stream->tracking_;

    if (tracking.live()) {
        stream->owner_.proven(stream->owner_.context,
                              tracking.proven() + stream->lease_);
    }
    return {.doubt =
                tracking.doubt().empty() ? nullptr : tracking.doubt().c_str(),
            .cause = cause_of(tracking),
            .greeted = tracking.live(),
            .refused = tracking.refused(),
            .useful = false};
}

void RedisStream::turned(void* context)
{
    auto* stream = static_cast<RedisStream*>(context);

    if (stream->live() && !stream->timer_.timer_set) {
        ngx_add_timer(&stream->timer_, stream->pause());
    }
    stream->owner_.turned(stream->owner_.context);
}

ngx_msec_t RedisStream::pause() const
{
    return std::max(lease_ / pings_in_a_lease, shortest_pause);
}

void RedisStream::on_timer(ngx_event_t* ev)
{
    auto* stream = static_cast<RedisStream*>(ev->data);

    if (!stream->live()) {
        return; // begins again when it is
    }
    ngx_add_timer(&stream->timer_, stream->pause());

    const Tick since = stream->tracking_.waiting_since();
    if (since != 0 && monotonic_now() - since >= stream->lease_) {
        stream->drop(Loss::timeout,
                     "no PING was answered for the time of the lease");
        stream->owner_.turned(stream->owner_.context);
        return;
    }
    if (guard(stream->log_, false, [&] { return stream->tracking_.ping(); })) {
        stream->connection_.send_soon();
    }
}

} // namespace psm::edge
