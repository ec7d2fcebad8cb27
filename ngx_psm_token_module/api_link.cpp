// SPDX-License-Identifier: BSD-2-Clause
//
// The invariant: a Pending that was sent has its tag in the session until its
// reply came or the session is gone, so a tag never dangles.

#include "api_link.hpp"

#include "conf.hpp"

#include "../lib/redis_node.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace psm::edge {

namespace {

// A page of 500 records of the largest size.
constexpr RedisLimits limits{.max_reply = std::size_t{32} * 1024 * 1024,
                             .max_elements = 200000,
                             .max_outstanding = 2048,
                             .max_output = std::size_t{8} * 1024 * 1024};

constexpr std::size_t max_pending = 1024;

// One that was made a replica goes on answering. Asked with a call, not by a
// timer: nobody minds while nothing is asked.
constexpr ngx_msec_t role_holds = 1000;

/// From a script of Redis 6, it stands inside of another error.
bool is_readonly(const RedisReply& reply)
{
    return reply.type == RedisType::error &&
           (reply.text.starts_with("READONLY") ||
            reply.text.find("-READONLY") != std::string_view::npos);
}

} // namespace

ApiLink::ApiLink(const RedisConf& conf, ngx_log_t* log)
    : conf_(conf), log_(log),
      calls_({.context = this, .overdue = on_overdue}, log),
      connection_(
          conf,
          guide_by(sentinels_, conf, {.context = this, .moved = on_moved}, log),
          {.context = this,
           .name = "redis of psm_token_api",
           .proves = true,
           .limits = limits,
           .reply = on_reply,
           .greet = greet,
           .complete = [](void*, RedisSession&) { return true; },
           .judge = judge,
           .changed = on_changed,
           .count = [](void*, Loss) {}},
          log)
{
}

ApiLink::~ApiLink()
{
    closing_ = true;
    fail_lost("the worker ends");
}

void ApiLink::start()
{
    if (sentinels_) {
        sentinels_->start();
    }
    connection_.connect();
}

void ApiLink::begin(RedisCall& call)
{
    if (closing_ || connection_.refusing()) {
        throw CallFailed("Redis is unavailable", call.effect(), false);
    }
    if (calls_.size() >= max_pending) {
        throw CallFailed("too many commands wait", call.effect(), false);
    }

    Pending& pending = calls_.add(call, conf_.address.timeout_ms);
    if (connection_.ready() && doubt_.empty() && !send(pending)) {
        (void)calls_.take(pending);
        throw CallFailed("too much waits to be sent", call.effect(), false);
    }
    connection_.connect();
}

/// Of a ready connection. False where it takes no more.
bool ApiLink::send(Pending& pending)
{
    return guard(log_, false, [&] {
        RedisSession& session = *connection_.session();

        if (ngx_current_msec - asked_role_ >= role_holds) {
            asked_role_ = ngx_current_msec;
            (void)session.command({"INFO", "replication"}, role);
        }
        const std::vector<std::string>& words = pending.call->words();
        const std::vector<std::string_view> views(words.begin(), words.end());
        pending.sent =
            session.command(views, reinterpret_cast<std::uintptr_t>(&pending));
        connection_.send_soon();
        return pending.sent;
    });
}

bool ApiLink::greet(void* context, RedisSession& session)
{
    auto* link = static_cast<ApiLink*>(context);

    link->doubt_.clear();
    link->greeted_ = false;
    link->refused_ = false;
    link->useful_ = false;
    link->asked_role_ = ngx_current_msec;
    return session.command({"PING"}, ping) &&
           session.command({"INFO", "replication"}, role);
}

RedisConnection::Verdict ApiLink::judge(void* context)
{
    const auto* link = static_cast<ApiLink*>(context);

    return {.doubt = link->doubt_.empty() ? nullptr : link->doubt_.c_str(),
            .cause = link->cause_,
            .greeted = link->greeted_,
            .refused = link->refused_,
            .useful = link->useful_};
}

void ApiLink::on_changed(void* context)
{
    auto* link = static_cast<ApiLink*>(context);

    if (link->connection_.ready()) {
        link->calls_.send_all(
            [link](Pending& pending) { return link->send(pending); },
            "too much waits to be sent");
    } else {
        link->fail_lost("the connection to Redis was lost");
    }
}

/// From within a reply of a sentinel.
void ApiLink::on_moved(void* context)
{
    auto* link = static_cast<ApiLink*>(context);

    link->connection_.move();
    link->fail_lost("Redis has another master");
}

void ApiLink::on_overdue(void* context)
{
    auto* link = static_cast<ApiLink*>(context);

    link->connection_.drop(Loss::timeout, "a command was not answered in time");
    link->fail_lost("Redis did not answer in time");
}

/// There is no session any more. After a failed attempt to make another nobody
/// knows when there will be one.
void ApiLink::fail_lost(const char* why)
{
    calls_.fail_lost(why, closing_ || connection_.refusing());
}

void ApiLink::on_reply(void* context, std::uint64_t tag,
                       const RedisReply& reply)
{
    auto* link = static_cast<ApiLink*>(context);

    switch (tag) {
    case ping:
        link->take_ping(reply);
        break;
    case role:
        link->take_role(reply);
        break;
    default:
        link->take_answer(*reinterpret_cast<Pending*>(tag), reply);
    }
}

/// A user that may not PING is there all the same.
void ApiLink::take_ping(const RedisReply& reply)
{
    if (reply.type != RedisType::error || reply.text.starts_with("NOPERM")) {
        return;
    }
    const bool passing = is_transient(reply.text);
    refused_ = !passing;
    doubt("Redis answered PING with: " + quote_reply(reply.text),
          passing ? Loss::loading : Loss::refused);
}

/// One that may not ask is left to be refused the first change.
void ApiLink::take_role(const RedisReply& reply)
{
    greeted_ = true;
    if (is_demoted(reply)) {
        doubt("it is no master", Loss::wrong_role);
    }
}

void ApiLink::doubt(std::string why, Loss cause)
{
    if (doubt_.empty()) {
        doubt_ = std::move(why);
        cause_ = cause;
    }
}

void ApiLink::take_answer(Pending& pending, const RedisReply& reply)
{
    const RedisCall::Effect effect = pending.effect;
    RedisCall* const call = calls_.take(pending);
    RedisValue value;
    std::exception_ptr failure;

    try {
        if (is_readonly(reply)) {
            doubt("it is no master", Loss::wrong_role);
            failure = std::make_exception_ptr(
                CallFailed("Redis is no master", effect, false));
        } else if (!doubt_.empty()) {
            failure = std::make_exception_ptr(CallFailed(doubt_, effect, true));
        } else if (call != nullptr) {
            value = own(reply);
        }
    } catch (...) {
        failure = std::current_exception();
    }

    useful_ = useful_ || !failure;
    if (call == nullptr) {
        return;
    }
    if (failure) {
        call->fail(std::move(failure));
    } else {
        call->finish(std::move(value));
    }
}

} // namespace psm::edge
