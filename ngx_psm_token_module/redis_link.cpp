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

} // namespace

RedisLink::RedisLink(const RedisConf& conf, const RedisGuide& guide,
                     const Owner& owner, ngx_log_t* log)
    : owner_(owner), asks_server_(conf.address.tracking),
      fence_(on_reply, this), connection_(conf, guide,
                                          {.context = this,
                                           .name = "redis",
                                           .limits = limits,
                                           .reply = fenced,
                                           .greet = greet,
                                           .complete = complete,
                                           .judge = judge,
                                           .changed = changed},
                                          log)
{
}

bool RedisLink::greet(void* context, RedisSession& session)
{
    auto* link = static_cast<RedisLink*>(context);

    link->run_id_.clear();
    link->fence_due_ = true;
    link->fence_.reset(static_cast<std::uint64_t>(ngx_pid) << 32U |
                       static_cast<std::uint64_t>(ngx_random()));
    return !link->asks_server_ ||
           session.command({"INFO", "server"}, server_info);
}

bool RedisLink::complete(void* context, RedisSession& session)
{
    auto* link = static_cast<RedisLink*>(context);

    return !std::exchange(link->fence_due_, false) ||
           session.command({"PING", link->fence_.next_ping()},
                           ReplyFence::ping);
}

RedisConnection::Verdict RedisLink::judge(void* context)
{
    const ReplyFence& fence = static_cast<RedisLink*>(context)->fence_;

    return {.doubt = fence.doubt().empty() ? nullptr : fence.doubt().c_str(),
            .greeted = fence.passed(),
            .refused = fence.locked_out(),
            .useful = fence.useful()};
}

void RedisLink::fenced(void* context, std::uint64_t tag,
                       const RedisReply& reply)
{
    ReplyFence::on_reply(&static_cast<RedisLink*>(context)->fence_, tag, reply);
}

void RedisLink::changed(void* context)
{
    const Owner& owner = static_cast<RedisLink*>(context)->owner_;

    owner.changed(owner.context);
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

    if (tag == server_info) {
        link->run_id_ = run_id_of(reply);
    } else {
        link->owner_.reply(link->owner_.context, tag, reply);
    }
}

} // namespace psm::edge
