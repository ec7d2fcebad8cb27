// SPDX-License-Identifier: BSD-2-Clause

#include "redis_link.hpp"

#include "conf.hpp"

#include "../lib/redis_node.hpp"

#include <utility>

namespace psm::edge {

namespace {

// A record above its own limit is to be told as invalid, so a reply may be
// much larger before the connection is given up for it.
constexpr RedisLimits limits{.max_reply = std::size_t{1024} * 1024,
                             .max_outstanding = 4096};

constexpr ngx_msec_t watch_pause = 1000;

} // namespace

RedisLink::RedisLink(const RedisConf& conf, const RedisGuide& guide,
                     const Owner& owner, Counters& counters, ngx_log_t* log)
    : owner_(owner), counters_(counters),
      watches_(conf.address.tracking || guide.master != nullptr),
      guided_(guide.master != nullptr), fence_(on_reply, this),
      connection_(conf, guide,
                  {.context = this,
                   .name = "redis",
                   .proves = true,
                   .limits = limits,
                   .reply = fenced,
                   .greet = greet,
                   .complete = complete,
                   .judge = judge,
                   .changed = changed,
                   .count = count},
                  log)
{
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = log;
    timer_.cancelable = 1;
}

RedisLink::~RedisLink()
{
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

bool RedisLink::greet(void* context, RedisSession& session)
{
    auto* link = static_cast<RedisLink*>(context);

    link->run_id_.clear();
    link->demoted_ = false;
    link->fence_due_ = true;
    link->fence_.reset(static_cast<std::uint64_t>(ngx_pid) << 32U |
                       static_cast<std::uint64_t>(ngx_random()));
    return !link->watches_ ||
           (session.command({"INFO", "server"}, server) &&
            session.command({"INFO", "replication"}, replication));
}

bool RedisLink::complete(void* context, RedisSession& session)
{
    auto* link = static_cast<RedisLink*>(context);

    if (!std::exchange(link->fence_due_, false)) {
        return true;
    }
    link->counters_.add(Counter::redis_sends);
    return session.command({"PING", link->fence_.next_ping().view()},
                           ReplyFence::ping);
}

void RedisLink::count(void* context, Loss cause)
{
    Counters& counters = static_cast<RedisLink*>(context)->counters_;

    counters.add(Counter::redis_reconnects, cause);
    if (cause == Loss::protocol) {
        counters.add(Counter::protocol_errors);
    }
}

RedisConnection::Verdict RedisLink::judge(void* context)
{
    auto* link = static_cast<RedisLink*>(context);
    const ReplyFence& fence = link->fence_;
    RedisConnection::Verdict verdict{.greeted = fence.passed(),
                                     .refused = fence.locked_out(),
                                     .useful = fence.useful()};

    if (!fence.doubt().empty()) {
        verdict.doubt = fence.doubt().c_str();
        verdict.cause = fence.locked_out() ? Loss::refused
                        : fence.passing()  ? Loss::loading
                                           : Loss::protocol;
    } else if (link->demoted_ && link->guided_) {
        verdict.doubt = "it is no master";
        verdict.cause = Loss::wrong_role;
    }
    return verdict;
}

void RedisLink::fenced(void* context, std::uint64_t tag,
                       const RedisReply& reply)
{
    ReplyFence::on_reply(&static_cast<RedisLink*>(context)->fence_, tag, reply);
}

void RedisLink::changed(void* context)
{
    auto* link = static_cast<RedisLink*>(context);

    if (link->ready() && link->watches_ && !link->timer_.timer_set) {
        ngx_add_timer(&link->timer_, watch_pause);
    }
    link->owner_.changed(link->owner_.context);
}

void RedisLink::on_timer(ngx_event_t* ev)
{
    auto* link = static_cast<RedisLink*>(ev->data);

    if (!link->ready()) {
        return; // begins again when it is
    }
    ngx_add_timer(ev, watch_pause);
    guard(ev->log, false, [&] {
        return link->command({"INFO", "replication"}, replication);
    });
}

bool RedisLink::command(std::initializer_list<std::string_view> words,
                        std::uint64_t tag)
{
    RedisSession* session = connection_.session();

    if (session == nullptr || !session->command(words, tag)) {
        return false;
    }
    fence_due_ = true;
    connection_.send_soon();
    return true;
}

/// What the fence let pass.
void RedisLink::on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply)
{
    auto* link = static_cast<RedisLink*>(context);

    if (tag == server) {
        link->run_id_ = run_id_of(reply);
    } else if (tag == replication) {
        link->take_role(reply);
    } else {
        link->owner_.reply(link->owner_.context, tag, reply);
    }
}

void RedisLink::take_role(const RedisReply& reply)
{
    const bool was = std::exchange(demoted_, is_demoted(reply));

    if (demoted_ && !was) {
        owner_.demoted(owner_.context);
    }
}

} // namespace psm::edge
