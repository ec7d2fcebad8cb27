// SPDX-License-Identifier: BSD-2-Clause
//
// The invariant: there is a session in greeting and ready only. Whatever goes
// wrong ends in close(), which forgets all; replies that were due are then the
// user's business.
//
// One attempt tries every address of the name. The log has one line when
// what is behind it becomes unavailable and one when it is back, not one per
// attempt.
//
// Timers of a connection are cancelable: a worker that shuts down waits for
// the look-ups in flight (their deadline is not), never for Redis to come
// back.

#include "redis_connection.hpp"

#include "conf.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace psm::edge {

namespace {

/// Of a session that takes no more.
Loss cause_of(const RedisSession& session)
{
    if (session.refused()) {
        return Loss::refused;
    }
    if (!session.broken()) {
        return Loss::internal;
    }
    return session.put_off() ? Loss::loading : Loss::protocol;
}

} // namespace

RedisConnection::RedisConnection(const RedisConf& conf, const RedisGuide& guide,
                                 const User& user, ngx_log_t* log)
    : conf_(conf), user_(user), log_(log), place_(conf, guide, log),
      socket_(conf,
              {.context = this,
               .opened = on_opened,
               .readable = on_readable,
               .writable = on_writable,
               .failed = on_failed},
              log)
{
    flush_.handler = [](ngx_event_t* ev) {
        static_cast<RedisConnection*>(ev->data)->flush();
    };
    flush_.data = this;
    flush_.log = log;

    retry_.handler = on_retry;
    retry_.data = this;
    retry_.log = log;
    retry_.cancelable = 1;
}

RedisConnection::~RedisConnection()
{
    close();
}

void RedisConnection::connect()
{
    if (state_ == State::down && !retry_.timer_set && !retry_.posted) {
        begin_attempt();
    }
}

void RedisConnection::hurry()
{
    if (state_ == State::down && retry_.timer_set && !verdict_.refused) {
        ngx_del_timer(&retry_);
        begin_attempt();
    }
}

void RedisConnection::begin_attempt()
{
    backoff_.attempt();
    state_ = State::finding;
    untried_ = 0; // what is left of an earlier attempt, whose addresses go
    ngx_add_timer(&retry_, ngx_msec_t{2} * conf_.address.connect_timeout_ms);
    place_.find(on_found, this);
}

void RedisConnection::on_found(void* context)
{
    auto* self = static_cast<RedisConnection*>(context);

    ngx_del_timer(&self->retry_);
    self->untried_ = self->place_.count();
    if (self->untried_ > 0) {
        self->addr_ %= self->untried_;
        self->try_connect();
    } else {
        // The caller may be a request that is just suspending: it must not
        // be answered before it has returned.
        ngx_post_event(&self->retry_, &ngx_posted_events);
    }
}

void RedisConnection::try_connect()
{
    untried_--;
    verdict_ = {};

    state_ = State::connecting;
    socket_.open(place_.address(addr_), place_.host());
}

void RedisConnection::on_opened(void* context)
{
    static_cast<RedisConnection*>(context)->greet();
}

void RedisConnection::on_readable(void* context)
{
    static_cast<RedisConnection*>(context)->receive();
}

void RedisConnection::on_writable(void* context)
{
    static_cast<RedisConnection*>(context)->flush();
}

void RedisConnection::on_failed(void* context, Loss cause, const char* why,
                                ngx_err_t err)
{
    auto* self = static_cast<RedisConnection*>(context);

    if (cause == Loss::tls) {
        self->verdict_.refused = true; // a wrong certificate stays wrong
    }
    self->lost(cause, why, err);
}

void RedisConnection::greet()
{
    state_ = State::greeting;

    // Without memory for it the connection runs into its timer.
    guard(log_, 0, [&] {
        session_ = std::make_unique<RedisSession>(user_.limits, user_.reply,
                                                  user_.context);
        session_->start({.user = conf_.address.user,
                         .password = conf_.password,
                         .database = conf_.address.database,
                         .client_name = "psm-token"});
        if (user_.greet(user_.context, *session_)) {
            send_soon();
        }
        return 0;
    });
}

void RedisConnection::send_soon()
{
    if (!flush_.posted) {
        ngx_post_event(&flush_, &ngx_posted_events);
    }
}

void RedisConnection::flush()
{
    if (session_ == nullptr) {
        return;
    }
    if (!guard(log_, false,
               [&] { return user_.complete(user_.context, *session_); })) {
        lost(Loss::internal, "out of memory");
        return;
    }

    while (!session_->output().empty()) {
        const std::string_view out = session_->output();
        const ssize_t n = socket_.send(out);

        if (n == NGX_ERROR) {
            lost(Loss::closed, "send failed");
            return;
        }
        if (n == NGX_AGAIN) {
            break;
        }
        session_->sent(static_cast<std::size_t>(n));
    }

    if (!socket_.await_writable()) {
        lost(Loss::internal, "event failed");
    }
}

void RedisConnection::receive()
{
    std::array<u_char, 16384> buffer;

    if (session_ == nullptr) {
        lost(Loss::internal, "out of memory");
        return;
    }

    for (;;) {
        const ssize_t n = socket_.receive(buffer);

        if (n == NGX_AGAIN) {
            break;
        }
        if (n == 0 || n == NGX_ERROR) {
            lost(Loss::closed, n == 0 ? "closed by Redis" : "receive failed",
                 n == 0 || conf_.tls != nullptr ? 0 : ngx_socket_errno);
            return;
        }

        if (!take({reinterpret_cast<char*>(buffer.data()),
                   static_cast<std::size_t>(n)})) {
            return;
        }
    }

    if (!socket_.await_readable()) {
        lost(Loss::internal, "event failed");
    }
}

/// False once the connection is lost.
bool RedisConnection::take(std::string_view bytes)
{
    const bool sound =
        guard(log_, false, [&] { return session_->feed(bytes); });

    verdict_ = user_.judge(user_.context);
    if (!sound) {
        lost(cause_of(*session_),
             session_->broken() ? session_->error().c_str() : "out of memory");
        return false;
    }
    if (verdict_.doubt != nullptr) {
        lost(verdict_.cause, verdict_.doubt);
        return false;
    }

    // What the handler of a reply has queued.
    if (!session_->output().empty()) {
        send_soon();
    }
    if (state_ == State::greeting && verdict_.greeted) {
        became_ready();
    } else if (told_ && ready() && proven()) {
        tell_return();
    }
    return true;
}

void RedisConnection::became_ready()
{
    state_ = State::ready;
    ready_since_ = ngx_current_msec;
    socket_.confirm();
    failed_ = false;
    if (told_ && (!let_down_ || !user_.proves)) {
        tell_return();
    }
    user_.changed(user_.context);
}

void RedisConnection::tell_return()
{
    told_ = false;
    told_refusal_ = false;
    ngx_log_error(NGX_LOG_NOTICE, log_, 0, "psm token: %*s is available again",
                  user_.name.size(), user_.name.data());
}

void RedisConnection::close()
{
    if (flush_.posted) {
        ngx_delete_posted_event(&flush_);
    }
    if (retry_.timer_set) {
        ngx_del_timer(&retry_);
    }
    if (retry_.posted) {
        ngx_delete_posted_event(&retry_);
    }
    place_.cancel();
    session_.reset();
    socket_.close();
    state_ = State::down;
}

void RedisConnection::drop(Loss cause, const char* why)
{
    user_.count(user_.context, cause);
    const bool was_ready = ready();
    close();
    schedule(why, was_ready, 0);
}

void RedisConnection::move()
{
    const bool made = state_ > State::finding;

    close();
    if (made) {
        user_.count(user_.context, Loss::switched);
        ngx_log_error(NGX_LOG_INFO, log_, 0,
                      "psm token: connection to %*s follows the master",
                      user_.name.size(), user_.name.data());
    }
    backoff_.reset();
    begin_attempt();
}

void RedisConnection::lost(Loss cause, const char* why, ngx_err_t err)
{
    user_.count(user_.context, cause);
    const bool was_ready = ready();
    // The text may be the session's, which close() destroys.
    std::array<char, 256> reason{};
    ngx_cpystrn(reinterpret_cast<u_char*>(reason.data()),
                reinterpret_cast<u_char*>(const_cast<char*>(why)),
                reason.size());

    verdict_.refused =
        verdict_.refused || (session_ != nullptr && session_->refused());
    if (verdict_.refused) {
        backoff_.give_up(); // a wrong password stays wrong
        untried_ = 0;
    }
    close();
    schedule(reason.data(), was_ready, err);
    user_.changed(user_.context);
}

/// After a loss: at once, if the connection was of use; after a failure at
/// the next address; else after a growing pause, in which look-ups are
/// refused.
void RedisConnection::schedule(const char* why, bool was_ready, ngx_err_t err)
{
    if (was_ready) {
        if (proven()) {
            backoff_.reset();
        }
        if (backoff_.fresh()) {
            ngx_log_error(NGX_LOG_INFO, log_, 0,
                          "psm token: connection to %*s lost: %s",
                          user_.name.size(), user_.name.data(), why);
            begin_attempt();
            return;
        }
    } else {
        addr_++;
        if (untried_ > 0) {
            addr_ %= place_.count();
            try_connect();
            return;
        }
    }

    failed_ = true;
    let_down_ = was_ready;
    // That Redis refuses us is for people to mend: told, whatever was told of
    // it before.
    if (!told_ || (verdict_.refused && !told_refusal_)) {
        told_ = true;
        told_refusal_ = verdict_.refused;
        ngx_log_error(NGX_LOG_ERR, log_, err,
                      "psm token: %*s is unavailable%*s: %s", user_.name.size(),
                      user_.name.data(), user_.without.size(),
                      user_.without.data(), why);
    }
    ngx_add_timer(&retry_, backoff_.pause());
}

void RedisConnection::on_retry(ngx_event_t* ev)
{
    auto* self = static_cast<RedisConnection*>(ev->data);

    if (self->state_ == State::finding) {
        self->lost(Loss::unreachable, self->place_.problem().c_str());
    } else {
        self->begin_attempt();
    }
}

} // namespace psm::edge
