// SPDX-License-Identifier: BSD-2-Clause

#include "call_queue.hpp"

#include <algorithm>
#include <utility>

namespace psm::edge {

namespace {

// Redis may be busy with a change, and whoever gives up does not know what
// became of it.
constexpr ngx_msec_t change_timeout = 2000;

constexpr const char* too_late = "Redis did not answer in time";

/// From now on; negative when it has passed.
ngx_msec_int_t left_of(ngx_msec_t moment)
{
    return static_cast<ngx_msec_int_t>(moment - ngx_current_msec);
}

bool passed(ngx_msec_t moment)
{
    return left_of(moment) <= 0;
}

} // namespace

CallQueue::CallQueue(const Owner& owner, ngx_log_t* log) : owner_(owner)
{
    deadline_.handler = on_deadline;
    deadline_.data = this;
    deadline_.log = log;
}

CallQueue::~CallQueue()
{
    if (deadline_.timer_set) {
        ngx_del_timer(&deadline_);
    }
}

Pending& CallQueue::add(RedisCall& call, ngx_msec_t timeout)
{
    const ngx_msec_t longest = std::max(timeout, change_timeout);
    const bool change = call.effect() == RedisCall::Effect::changes;

    Pending& pending = pending_.emplace_back();
    pending.call = &call;
    pending.effect = call.effect();
    pending.deadline = ngx_current_msec + (change ? longest : timeout);
    pending.limit = ngx_current_msec + longest;

    if (!deadline_.timer_set || left_of(pending.deadline) < left_of(due_)) {
        arm(pending.deadline);
    }
    settle();
    return pending;
}

void CallQueue::forget(RedisCall& call) noexcept
{
    const auto it = std::ranges::find(pending_, &call, &Pending::call);

    if (it == pending_.end()) {
        return;
    }
    if (it->sent) {
        it->call = nullptr;
        it->failed = false;
    } else {
        pending_.erase(it);
    }
    settle();
}

RedisCall* CallQueue::take(const Pending& pending) noexcept
{
    RedisCall* const call = pending.call;

    std::erase_if(pending_, [&](const Pending& p) { return &p == &pending; });
    settle();
    return call;
}

void CallQueue::on_deadline(ngx_event_t* ev)
{
    static_cast<CallQueue*>(ev->data)->check();
}

/// One that is overdue takes the connection with it: no reply behind it can be
/// trusted to come in time. But a read does not while a change, which may take
/// longer, is in flight beside it: it is told that it is late, and its reply is
/// still to come.
void CallQueue::check()
{
    const bool changing = std::ranges::any_of(pending_, [](const Pending& p) {
        return p.sent && p.call != nullptr && p.deadline == p.limit &&
               !passed(p.deadline);
    });
    bool overdue = false;

    for (Pending& pending : pending_) {
        if (!passed(pending.deadline)) {
            continue;
        }
        if (pending.sent && (!changing || pending.deadline == pending.limit)) {
            overdue = true;
        } else {
            pending.failed = true;
            pending.deadline = pending.limit;
        }
    }
    if (overdue) {
        owner_.overdue(owner_.context);
    }
    fail_marked(too_late);

    if (!pending_.empty()) {
        arm(std::ranges::min_element(pending_, {}, [](const Pending& p) {
                return left_of(p.deadline);
            })->deadline);
    }
}

void CallQueue::fail_lost(const char* why, bool all)
{
    std::erase_if(pending_, [](const Pending& p) { return p.call == nullptr; });
    for (Pending& pending : pending_) {
        pending.failed = pending.failed || pending.sent || all;
        pending.lost = pending.sent;
        pending.sent = false;
    }
    settle();
    fail_marked(why);
}

/// Those that are told may call again: such a call is not marked.
void CallQueue::fail_marked(const char* why)
{
    for (;;) {
        const auto it = std::ranges::find(pending_, true, &Pending::failed);
        if (it == pending_.end()) {
            break;
        }
        RedisCall* const call = std::exchange(it->call, nullptr);
        const RedisCall::Effect effect = it->effect;
        const bool sent = it->sent || it->lost;

        it->failed = false;
        if (!it->sent) {
            pending_.erase(it);
        }
        settle();
        if (call == nullptr) {
            continue;
        }
        std::exception_ptr failure;
        try {
            failure = std::make_exception_ptr(CallFailed(why, effect, sent));
        } catch (...) {
            failure = std::current_exception();
        }
        call->fail(std::move(failure));
    }
}

void CallQueue::arm(ngx_msec_t due)
{
    if (deadline_.timer_set) {
        ngx_del_timer(&deadline_);
    }
    due_ = due;
    ngx_add_timer(&deadline_, static_cast<ngx_msec_t>(
                                  std::max<ngx_msec_int_t>(left_of(due), 1)));
}

void CallQueue::settle() noexcept
{
    if (pending_.empty() && deadline_.timer_set) {
        ngx_del_timer(&deadline_);
    }
    deadline_.cancelable = std::ranges::none_of(
        pending_, [](const Pending& p) { return p.call != nullptr; });
}

} // namespace psm::edge
