// SPDX-License-Identifier: BSD-2-Clause

#include "redis_pair.hpp"

#include "clock.hpp"
#include "conf.hpp"

namespace psm::edge {

namespace {

constexpr Tick forgery_pause = 1000;

RedisPair* self_of(void* context)
{
    return static_cast<RedisPair*>(context);
}

} // namespace

RedisPair::RedisPair(const MainConf& conf, const RedisGuide& guide,
                     const Owner& owner, Counters& counters, ngx_log_t* log)
    : conf_(conf), owner_(owner), counters_(counters),
      link_(*conf.redis, guide,
            {.context = this,
             .reply =
                 [](void* context, std::uint64_t tag, const RedisReply& reply) {
                     const Owner& to = self_of(context)->owner_;
                     to.reply(to.context, tag, reply);
                 },
             .changed = on_link,
             .demoted = on_demoted},
            counters, log)
{
    if (conf.cache == 0 || !conf.redis->address.tracking) {
        return;
    }
    stream_.emplace(
        *conf.redis, guide, conf.cache_lease,
        RedisStream::Owner{
            .context = this,
            .changed =
                [](void* context, std::string_view key) {
                    RedisPair* self = self_of(context);
                    self->counters_.add(Counter::invalidations);
                    self->owner_.record(self->owner_.context, key);
                },
            .flush = [](void* context,
                        Flush why) { self_of(context)->on_flush(why); },
            .proven = on_proven,
            .turned = on_stream,
            .count = on_loss},
        log);
}

void RedisPair::start()
{
    link_.connect();
    if (stream_) {
        stream_->connect();
    }
}

void RedisPair::move()
{
    flush(Flush::moved);
    if (stream_) {
        stream_->move();
    }
    link_.move();
    owner_.link(owner_.context);
}

bool RedisPair::tells_changes() const noexcept
{
    return !conf_.redis->address.tracking ||
           (stream_ && stream_->live() && link_.ready() &&
            link_.run_id() == stream_->run_id());
}

bool RedisPair::disagree() const noexcept
{
    return stream_ && stream_->live() && link_.ready() &&
           !link_.run_id().empty() && link_.run_id() != stream_->run_id();
}

void RedisPair::on_link(void* context)
{
    RedisPair* self = self_of(context);

    self->counters_.set(Gauge::redis_state, self->link_state());
    if (self->disagree()) {
        self->flush(Flush::moved);
        self->stream_->drop(Loss::other_node, "look-ups reach another server");
    } else if (self->stream_ && self->link_.ready()) {
        self->stream_->hurry();
    }
    self->owner_.link(self->owner_.context);
}

void RedisPair::on_stream(void* context)
{
    RedisPair* self = self_of(context);

    self->counters_.set(Gauge::stream_state, self->stream_state());
    if (self->disagree()) {
        self->flush(Flush::moved);
        self->link_.drop(Loss::other_node,
                         "the invalidation stream reaches another server");
        self->owner_.link(self->owner_.context);
    }
}

/// What comes from a replica may be old: the stream goes, and finds out.
void RedisPair::on_demoted(void* context)
{
    RedisPair* self = self_of(context);

    self->flush(Flush::moved);
    if (self->stream_ && self->stream_->live()) {
        self->stream_->drop(Loss::wrong_role,
                            "the server is no master any more");
    }
}

/// A PUBLISH of somebody tells nothing: once in a while is enough, so that a
/// flood of them does not keep every look-up from its answer.
void RedisPair::on_flush(Flush why)
{
    if (why == Flush::forged) {
        const Tick now = monotonic_now();
        if (forged_at_ != 0 && now - forged_at_ < forgery_pause) {
            return;
        }
        forged_at_ = now;
    }
    flush(why);
}

void RedisPair::on_proven(void* context, Tick until)
{
    RedisPair* self = self_of(context);

    self->counters_.set(Gauge::lease_since, until - self->conf_.cache_lease);
    self->owner_.proven(self->owner_.context, until);
}

void RedisPair::on_loss(void* context, Loss cause)
{
    Counters& counters = self_of(context)->counters_;

    counters.add(Counter::stream_reconnects, cause);
    if (cause == Loss::protocol) {
        counters.add(Counter::protocol_errors);
    }
}

RedisState RedisPair::link_state() const noexcept
{
    return link_.ready()      ? RedisState::ready
           : link_.refusing() ? RedisState::down
                              : RedisState::connecting;
}

StreamState RedisPair::stream_state() const noexcept
{
    return !stream_          ? StreamState::off
           : stream_->live() ? StreamState::live
                             : StreamState::down;
}

} // namespace psm::edge
