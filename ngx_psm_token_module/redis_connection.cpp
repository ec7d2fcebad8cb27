// SPDX-License-Identifier: BSD-2-Clause
//
// The invariant: connection_ is set in every state but down, session_ in
// greeting and ready; only between a connect() that failed at once and the
// posted retry_ there is no connection. Whatever goes wrong ends in close(),
// which forgets both; replies that were due are then the owner's business.
//
// One attempt tries every address of the name. The log has one line when
// what is behind it becomes unavailable and one when it is back, not one per
// attempt.
//
// Timers of a connection are cancelable: a worker that shuts down waits for the
// look-ups in flight (their deadline is not), never for Redis to come back.

#include "redis_connection.hpp"

#include "conf.hpp"
#include "redis_tls.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace psm::edge {

namespace {

constexpr ngx_msec_t held_long_enough = 1000;

RedisConnection* self_of(ngx_event_t* ev)
{
    return static_cast<RedisConnection*>(
        static_cast<ngx_connection_t*>(ev->data)->data);
}

/// What became of a non-blocking connect; 0 when it is made.
ngx_err_t connect_error(ngx_connection_t* c)
{
    int err = 0;
    socklen_t len = sizeof(err);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1) {
        err = ngx_socket_errno;
    }
    return err;
}

} // namespace

RedisConnection::RedisConnection(const RedisConf& conf, const RedisGuide& guide,
                                 const User& user, ngx_log_t* log)
    : conf_(conf), user_(user), log_(log), quiet_(*log),
      place_(conf, guide, log)
{
    quiet_.log_level = std::min<ngx_uint_t>(log->log_level, NGX_LOG_ALERT);

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

void RedisConnection::begin_attempt()
{
    backoff_.attempt();
    state_ = State::finding;
    ngx_add_timer(&retry_, 2 * conf_.address.connect_timeout_ms);
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

    RedisPlace::Address& addr = place_.address(addr_);
    const bool local = addr.storage.ss_family == AF_UNIX;
    ngx_peer_connection_t peer{};
    peer.sockaddr = reinterpret_cast<sockaddr*>(&addr.storage);
    peer.socklen = addr.length;
    peer.name = &addr.name;
    peer.get = ngx_event_get_peer;
    peer.log = &quiet_;
    peer.log_error = NGX_ERROR_INFO;
    peer.so_keepalive = !local;

    const ngx_int_t rc = ngx_event_connect_peer(&peer);

    state_ = State::connecting;
    connection_ = peer.connection;

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        connect_error_ = rc == NGX_DECLINED ? ngx_socket_errno : 0;
        ngx_post_event(&retry_, &ngx_posted_events);
        return;
    }

    connection_->data = this;
    connection_->log = &quiet_;
    connection_->read->log = &quiet_;
    connection_->write->log = &quiet_;
    connection_->read->handler = on_read;
    connection_->write->handler = on_write;
    connection_->write->cancelable = 1;
    ngx_add_timer(connection_->write, conf_.address.connect_timeout_ms);

    if (rc == NGX_OK) {
        // As if it were told: nothing may fail inside the caller's call.
        ngx_post_event(connection_->write, &ngx_posted_events);
    }
}

void RedisConnection::connected()
{
    if (conf_.address.socket_path.empty()) {
        // Without it the commands still leave, only later.
        (void)ngx_tcp_nodelay(connection_);
    }
    if (conf_.tls == nullptr) {
        greet();
        return;
    }

    // It has the time of a connection once more.
    ngx_add_timer(connection_->write, conf_.address.connect_timeout_ms);
    const std::string& name = conf_.address.tls_name;
    const ngx_int_t rc =
        start_tls(connection_, conf_.tls, name.empty() ? place_.host() : name,
                  on_secured);
    if (rc != NGX_AGAIN) {
        on_secured(connection_);
    }
}

void RedisConnection::on_secured(ngx_connection_t* c)
{
    auto* self = static_cast<RedisConnection*>(c->data);

    if (const char* problem = tls_problem(c)) {
        self->verdict_.refused = true; // a wrong certificate stays wrong
        self->lost(problem);
        return;
    }
    c->read->handler = on_read;
    c->write->handler = on_write;
    self->greet();
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
        lost("out of memory");
        return;
    }

    while (!session_->output().empty()) {
        const std::string_view out = session_->output();
        const ssize_t n = connection_->send(
            connection_,
            reinterpret_cast<u_char*>(const_cast<char*>(out.data())),
            out.size());

        if (n == NGX_ERROR) {
            lost("send failed");
            return;
        }
        if (n == NGX_AGAIN) {
            break;
        }
        session_->sent(static_cast<std::size_t>(n));
    }

    if (ngx_handle_write_event(connection_->write, 0) != NGX_OK) {
        lost("event failed");
    }
}

void RedisConnection::on_write(ngx_event_t* ev)
{
    RedisConnection* self = self_of(ev);

    if (ev->timedout) {
        self->lost("no answer in time");
        return;
    }

    if (self->state_ != State::connecting) {
        self->flush();
    } else if (const ngx_err_t err = connect_error(self->connection_)) {
        self->lost("cannot connect", err);
    } else {
        self->connected();
    }
}

void RedisConnection::on_read(ngx_event_t* ev)
{
    RedisConnection* self = self_of(ev);

    // epoll reports a refused connection to both handlers: the write one
    // tells why.
    if (self->state_ != State::connecting) {
        self->receive();
    }
}

void RedisConnection::receive()
{
    std::array<u_char, 16384> buffer;

    if (session_ == nullptr) {
        lost("out of memory");
        return;
    }

    for (;;) {
        const ssize_t n =
            connection_->recv(connection_, buffer.data(), buffer.size());

        if (n == NGX_AGAIN) {
            break;
        }
        if (n == 0 || n == NGX_ERROR) {
            lost(n == 0 ? "closed by Redis" : "receive failed",
                 n == 0 || conf_.tls != nullptr ? 0 : ngx_socket_errno);
            return;
        }

        if (!take({reinterpret_cast<char*>(buffer.data()),
                   static_cast<std::size_t>(n)})) {
            return;
        }
    }

    if (ngx_handle_read_event(connection_->read, 0) != NGX_OK) {
        lost("event failed");
    }
}

/// False once the connection is lost.
bool RedisConnection::take(std::string_view bytes)
{
    const bool sound =
        guard(log_, false, [&] { return session_->feed(bytes); });
    const char* why = nullptr;

    if (!sound) {
        why = session_->broken() ? session_->error().c_str() : "out of memory";
    }
    verdict_ = user_.judge(user_.context);
    if (why == nullptr) {
        why = verdict_.doubt;
    }
    if (why != nullptr) {
        lost(why);
        return false;
    }

    // What the handler of a reply has queued.
    if (!session_->output().empty()) {
        send_soon();
    }
    if (state_ == State::greeting && verdict_.greeted) {
        became_ready();
    }
    return true;
}

void RedisConnection::became_ready()
{
    state_ = State::ready;
    ready_since_ = ngx_current_msec;
    if (connection_->write->timer_set) {
        ngx_del_timer(connection_->write);
    }
    if (failed_) {
        failed_ = false;
        ngx_log_error(NGX_LOG_NOTICE, log_, 0,
                      "psm token: %*s is available again", user_.name.size(),
                      user_.name.data());
    }
    user_.changed(user_.context);
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
    if (connection_ != nullptr) {
        end_tls(connection_);
        ngx_close_connection(connection_);
        connection_ = nullptr;
    }
    state_ = State::down;
}

void RedisConnection::drop(const char* why)
{
    const bool was_ready = ready();
    close();
    schedule(why, was_ready, 0);
}

void RedisConnection::move(const char* why)
{
    close();
    ngx_log_error(NGX_LOG_INFO, log_, 0, "psm token: connection to %*s %s",
                  user_.name.size(), user_.name.data(), why);
    backoff_.reset();
    begin_attempt();
}

void RedisConnection::lost(const char* why, ngx_err_t err)
{
    const bool was_ready = ready();
    // The text may be the session's, which close() destroys.
    std::array<char, 256> reason{};
    ngx_cpystrn(reinterpret_cast<u_char*>(reason.data()),
                reinterpret_cast<u_char*>(const_cast<char*>(why)),
                reason.size());

    if (verdict_.refused || (session_ != nullptr && session_->refused())) {
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
        if (verdict_.useful ||
            ngx_current_msec - ready_since_ >= held_long_enough) {
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

    if (!failed_) {
        failed_ = true;
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

    if (self->state_ == State::connecting) {
        self->lost("cannot connect", self->connect_error_);
    } else if (self->state_ == State::finding) {
        self->lost(self->place_.problem().c_str());
    } else {
        self->begin_attempt();
    }
}

} // namespace psm::edge
