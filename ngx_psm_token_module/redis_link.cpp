// SPDX-License-Identifier: BSD-2-Clause
//
// The invariant: connection_ is set in every state but down, session_ in
// greeting and ready. Whatever goes wrong ends in close(), which forgets
// both; replies that were due are then the owner's business.
//
// Timers of the link are cancelable: a worker that shuts down waits for the
// look-ups in flight (their deadline is not), never for Redis to come back.

#include "redis_link.hpp"

#include "conf.hpp"

#include <algorithm>
#include <array>

namespace psm::edge {

namespace {

constexpr ngx_msec_t first_backoff = 50;
constexpr ngx_msec_t last_backoff = 5000;
constexpr ngx_msec_t held_long_enough = 1000;

RedisLink* link_of(ngx_event_t* ev)
{
    return static_cast<RedisLink*>(
        static_cast<ngx_connection_t*>(ev->data)->data);
}

/// What became of a non-blocking connect; nullptr when it is made.
const char* connect_error(ngx_connection_t* c)
{
    int err = 0;
    socklen_t len = sizeof(err);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1) {
        err = ngx_socket_errno;
    }
    if (err == 0) {
        return nullptr;
    }
    return strerror(err);
}

} // namespace

RedisLink::RedisLink(const RedisConf& conf, const Owner& owner, ngx_log_t* log)
    : conf_(conf), owner_(owner), log_(log)
{
    flush_.handler = on_flush;
    flush_.data = this;
    flush_.log = log;

    retry_.handler = on_retry;
    retry_.data = this;
    retry_.log = log;
    retry_.cancelable = 1;
}

RedisLink::~RedisLink()
{
    close();
    if (retry_.timer_set) {
        ngx_del_timer(&retry_);
    }
    if (retry_.posted) {
        ngx_delete_posted_event(&retry_);
    }
}

void RedisLink::connect()
{
    if (state_ == State::down && !retry_.timer_set) {
        try_connect();
    }
}

void RedisLink::try_connect()
{
    attempts_++;

    ngx_addr_t& addr = conf_.addrs[next_addr_++ % conf_.naddrs];
    ngx_peer_connection_t peer{};
    peer.sockaddr = addr.sockaddr;
    peer.socklen = addr.socklen;
    peer.name = &addr.name;
    peer.get = ngx_event_get_peer;
    peer.log = log_;
    peer.log_error = NGX_ERROR_ERR;

    const ngx_int_t rc = ngx_event_connect_peer(&peer);

    state_ = State::connecting;
    connection_ = peer.connection;

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        // The caller may be a request that is just suspending: it must not
        // be answered before it has returned.
        ngx_post_event(&retry_, &ngx_posted_events);
        return;
    }

    connection_->data = this;
    connection_->read->handler = on_read;
    connection_->write->handler = on_write;
    connection_->write->cancelable = 1;
    ngx_add_timer(connection_->write, conf_.address.connect_timeout_ms);

    if (rc == NGX_OK) {
        greet();
    }
}

void RedisLink::greet()
{
    state_ = State::greeting;

    if (conf_.address.socket_path.empty()) {
        // Without it the commands still leave, only later.
        (void) ngx_tcp_nodelay(connection_);
    }

    session_ = std::make_unique<RedisSession>(RedisLimits{}, owner_.reply,
                                              owner_.context);
    // A name is always set: its reply is the proof that Redis answers.
    session_->start({.user = conf_.address.user,
                     .password = conf_.password,
                     .database = conf_.address.database,
                     .client_name = "psm-token"});
    ngx_post_event(&flush_, &ngx_posted_events);
}

bool RedisLink::command(std::initializer_list<std::string_view> words,
                        std::uint64_t tag)
{
    if (!ready() || !session_->command(words, tag)) {
        return false;
    }
    if (!flush_.posted) {
        ngx_post_event(&flush_, &ngx_posted_events);
    }
    return true;
}

void RedisLink::on_flush(ngx_event_t* ev)
{
    static_cast<RedisLink*>(ev->data)->flush();
}

void RedisLink::flush()
{
    if (session_ == nullptr) {
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

void RedisLink::on_write(ngx_event_t* ev)
{
    RedisLink* link = link_of(ev);

    if (ev->timedout) {
        link->lost("no answer in time");
        return;
    }

    if (link->state_ == State::connecting) {
        if (const char* error = connect_error(link->connection_)) {
            link->lost(error);
            return;
        }
        guard(ev->log, 0, [&] { return link->greet(), 0; });
        return;
    }
    link->flush();
}

void RedisLink::on_read(ngx_event_t* ev)
{
    RedisLink* link = link_of(ev);

    // epoll reports a refused connection to both handlers: the write one
    // tells why.
    if (link->state_ != State::connecting) {
        link->receive();
    }
}

void RedisLink::receive()
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
            lost(n == 0 ? "closed by Redis" : "receive failed");
            return;
        }

        const std::string_view bytes(reinterpret_cast<char*>(buffer.data()),
                                     static_cast<std::size_t>(n));
        const bool sound =
            guard(log_, false, [&] { return session_->feed(bytes); });

        if (!sound) {
            lost(session_->broken() ? session_->error().c_str()
                                    : "out of memory");
            return;
        }
        if (state_ == State::greeting && session_->ready()) {
            became_ready();
        }
    }

    if (ngx_handle_read_event(connection_->read, 0) != NGX_OK) {
        lost("event failed");
    }
}

void RedisLink::became_ready()
{
    state_ = State::ready;
    ready_since_ = ngx_current_msec;
    if (connection_->write->timer_set) {
        ngx_del_timer(connection_->write);
    }

    if (failed_) {
        failed_ = false;
        ngx_log_error(NGX_LOG_NOTICE, log_, 0,
                      "psm token: redis is available again");
    }
    owner_.changed(owner_.context);
}

void RedisLink::close()
{
    if (flush_.posted) {
        ngx_delete_posted_event(&flush_);
    }
    session_.reset();
    if (connection_ != nullptr) {
        ngx_close_connection(connection_);
        connection_ = nullptr;
    }
    state_ = State::down;
}

void RedisLink::drop(const char* why)
{
    const bool was_ready = ready();

    close();
    schedule(why, was_ready);
}

void RedisLink::lost(const char* why)
{
    const bool was_ready = ready();
    // The text may be the session's, which close() destroys.
    std::array<char, 256> reason{};
    ngx_cpystrn(reinterpret_cast<u_char*>(reason.data()),
                reinterpret_cast<u_char*>(const_cast<char*>(why)),
                reason.size());

    if (session_ != nullptr && session_->refused()) {
        attempts_ = 64; // a wrong password stays wrong: longest back-off
    }
    close();
    schedule(reason.data(), was_ready);
    owner_.changed(owner_.context);
}

/// After a loss: at once, the first time; else after a growing pause, in
/// which look-ups are refused.
void RedisLink::schedule(const char* why, bool was_ready)
{
    if (was_ready && ngx_current_msec - ready_since_ >= held_long_enough) {
        attempts_ = 0;
    }

    if (was_ready && attempts_ <= 1) {
        ngx_log_error(NGX_LOG_NOTICE, log_, 0,
                      "psm token: redis connection lost: %s", why);
        try_connect();
        return;
    }

    if (!failed_) {
        failed_ = true;
        ngx_log_error(NGX_LOG_ERR, log_, 0,
                      "psm token: redis is unavailable: %s", why);
    }
    ngx_add_timer(&retry_, backoff());
}

ngx_msec_t RedisLink::backoff() const
{
    const ngx_uint_t doublings = std::min<ngx_uint_t>(
        attempts_ > 0 ? attempts_ - 1 : 0, 7);
    const ngx_msec_t delay =
        std::min(first_backoff << doublings, last_backoff);

    // Half of it is chance, so that workers do not come back in step.
    return delay / 2 + static_cast<ngx_msec_t>(ngx_random()) % (delay / 2 + 1);
}

void RedisLink::on_retry(ngx_event_t* ev)
{
    auto* link = static_cast<RedisLink*>(ev->data);

    if (link->state_ == State::connecting) {
        link->lost("cannot connect");
        return;
    }
    link->try_connect();
}

} // namespace psm::edge
