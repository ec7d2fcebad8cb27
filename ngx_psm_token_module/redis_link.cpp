// SPDX-License-Identifier: BSD-2-Clause
//
// The invariant: connection_ is set in every state but down, session_ in
// greeting and ready; only between a connect() that failed at once and the
// posted retry_ there is no connection. Whatever goes wrong ends in close(),
// which forgets both; replies that were due are then the owner's business.
//
// One attempt tries every address of the name. The log has one line when
// Redis becomes unavailable and one when it is back, not one per attempt.
//
// Timers of the link are cancelable: a worker that shuts down waits for the
// look-ups in flight (their deadline is not), never for Redis to come back.

#include "redis_link.hpp"

#include "conf.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace psm::edge {

namespace {

constexpr ngx_msec_t held_long_enough = 1000;

// A record above its own limit is to be told as invalid, so a reply may be
// much larger before the connection is given up for it.
constexpr RedisLimits limits{.max_reply = std::size_t{1024} * 1024,
                             .max_outstanding = 4096};

RedisLink* link_of(ngx_event_t* ev)
{
    return static_cast<RedisLink*>(
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

RedisLink::RedisLink(const RedisConf& conf, const Owner& owner, ngx_log_t* log)
    : conf_(conf), owner_(owner), log_(log), quiet_(*log),
      fence_(owner.reply, owner.context)
{
    quiet_.log_level = std::min<ngx_uint_t>(log->log_level, NGX_LOG_ALERT);

    flush_.handler = [](ngx_event_t* ev) {
        static_cast<RedisLink*>(ev->data)->flush();
    };
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
        begin_attempt();
    }
}

void RedisLink::begin_attempt()
{
    backoff_.attempt();
    untried_ = conf_.naddrs;
    try_connect();
}

void RedisLink::try_connect()
{
    untried_--;

    ngx_addr_t& addr = conf_.addrs[addr_];
    ngx_peer_connection_t peer{};
    peer.sockaddr = addr.sockaddr;
    peer.socklen = addr.socklen;
    peer.name = &addr.name;
    peer.get = ngx_event_get_peer;
    peer.log = &quiet_;
    peer.log_error = NGX_ERROR_INFO;
    peer.so_keepalive = addr.sockaddr->sa_family != AF_UNIX;

    const ngx_int_t rc = ngx_event_connect_peer(&peer);

    state_ = State::connecting;
    connection_ = peer.connection;

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        connect_error_ = rc == NGX_DECLINED ? ngx_socket_errno : 0;
        // The caller may be a request that is just suspending: it must not
        // be answered before it has returned.
        ngx_post_event(&retry_, &ngx_posted_events);
        return;
    }

    connection_->data = this;
    connection_->log = log_;
    connection_->read->log = log_;
    connection_->write->log = log_;
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
    fence_.reset(static_cast<std::uint64_t>(ngx_pid) << 32U |
                 static_cast<std::uint64_t>(ngx_random()));

    if (conf_.address.socket_path.empty()) {
        // Without it the commands still leave, only later.
        (void)ngx_tcp_nodelay(connection_);
    }

    // Without memory for it the connection runs into its timer.
    guard(log_, 0, [&] {
        session_ = std::make_unique<RedisSession>(limits, ReplyFence::on_reply,
                                                  &fence_);
        session_->start({.user = conf_.address.user,
                         .password = conf_.password,
                         .database = conf_.address.database,
                         .client_name = "psm-token"});
        ngx_post_event(&flush_, &ngx_posted_events);
        fence_due_ = true;
        return 0;
    });
}

bool RedisLink::command(std::initializer_list<std::string_view> words,
                        std::uint64_t tag)
{
    if (!ready() || !session_->command(words, tag)) {
        return false;
    }
    fence_due_ = true;
    if (!flush_.posted) {
        ngx_post_event(&flush_, &ngx_posted_events);
    }
    return true;
}

void RedisLink::flush()
{
    if (session_ == nullptr) {
        return;
    }
    if (std::exchange(fence_due_, false) && !guard(log_, false, [&] {
            return session_->command({"PING", fence_.next_ping()},
                                     ReplyFence::ping);
        })) {
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

void RedisLink::on_write(ngx_event_t* ev)
{
    RedisLink* link = link_of(ev);

    if (ev->timedout) {
        link->lost("no answer in time");
        return;
    }

    if (link->state_ != State::connecting) {
        link->flush();
    } else if (const ngx_err_t err = connect_error(link->connection_)) {
        link->lost("cannot connect", err);
    } else {
        link->greet();
    }
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

        if (!sound || !fence_.doubt().empty()) {
            lost(sound                ? fence_.doubt().c_str()
                 : session_->broken() ? session_->error().c_str()
                                      : "out of memory");
            return;
        }
        if (state_ == State::greeting && fence_.passed()) {
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
    schedule(why, was_ready, 0);
}

void RedisLink::lost(const char* why, ngx_err_t err)
{
    const bool was_ready = ready();
    // The text may be the session's, which close() destroys.
    std::array<char, 256> reason{};
    ngx_cpystrn(reinterpret_cast<u_char*>(reason.data()),
                reinterpret_cast<u_char*>(const_cast<char*>(why)),
                reason.size());

    if (session_ != nullptr && (session_->refused() || fence_.locked_out())) {
        backoff_.give_up(); // a wrong password stays wrong
        untried_ = 0;
    }
    close();
    schedule(reason.data(), was_ready, err);
    owner_.changed(owner_.context);
}

/// After a loss: at once, if the connection was of use; after a failure at
/// the next address; else after a growing pause, in which look-ups are
/// refused.
void RedisLink::schedule(const char* why, bool was_ready, ngx_err_t err)
{
    if (was_ready) {
        if (fence_.useful() ||
            ngx_current_msec - ready_since_ >= held_long_enough) {
            backoff_.reset();
        }
        if (backoff_.fresh()) {
            ngx_log_error(NGX_LOG_INFO, log_, 0,
                          "psm token: redis connection lost: %s", why);
            begin_attempt();
            return;
        }
    } else {
        addr_ = (addr_ + 1) % conf_.naddrs;
        if (untried_ > 0) {
            try_connect();
            return;
        }
    }

    if (!failed_) {
        failed_ = true;
        ngx_log_error(NGX_LOG_ERR, log_, err,
                      "psm token: redis is unavailable: %s", why);
    }
    ngx_add_timer(&retry_, backoff_.pause());
}

void RedisLink::on_retry(ngx_event_t* ev)
{
    auto* link = static_cast<RedisLink*>(ev->data);

    if (link->state_ == State::connecting) {
        link->lost("cannot connect", link->connect_error_);
    } else {
        link->begin_attempt();
    }
}

} // namespace psm::edge
