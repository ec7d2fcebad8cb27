// SPDX-License-Identifier: BSD-2-Clause

#include "redis_socket.hpp"

#include "conf.hpp"
#include "redis_tls.hpp"

#include <algorithm>

namespace psm::edge {

namespace {

constexpr const char* late = "no answer in time";

RedisSocket* self_of(ngx_event_t* ev)
{
    return static_cast<RedisSocket*>(
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

RedisSocket::RedisSocket(const RedisConf& conf, const Owner& owner,
                         ngx_log_t* log)
    : conf_(conf), owner_(owner), quiet_(*log)
{
    quiet_.log_level = std::min<ngx_uint_t>(log->log_level, NGX_LOG_ALERT);

    refusal_.handler = on_refusal;
    refusal_.data = this;
    refusal_.log = log;
}

void RedisSocket::open(RedisPlace::Address& address, const std::string& host)
{
    ngx_peer_connection_t peer{};
    peer.sockaddr = reinterpret_cast<sockaddr*>(&address.storage);
    peer.socklen = address.length;
    peer.name = &address.name;
    peer.get = ngx_event_get_peer;
    peer.log = &quiet_;
    peer.log_error = NGX_ERROR_INFO;
    peer.so_keepalive = address.storage.ss_family != AF_UNIX;

    const ngx_int_t rc = ngx_event_connect_peer(&peer);

    host_ = host;
    connection_ = peer.connection;
    if (rc != NGX_OK && rc != NGX_AGAIN) {
        refusal_error_ = rc == NGX_DECLINED ? ngx_socket_errno : 0;
        ngx_post_event(&refusal_, &ngx_posted_events);
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
        ngx_post_event(connection_->write, &ngx_posted_events);
    }
}

void RedisSocket::on_refusal(ngx_event_t* ev)
{
    auto* self = static_cast<RedisSocket*>(ev->data);

    self->owner_.failed(self->owner_.context, Loss::unreachable,
                        "cannot connect", self->refusal_error_);
}

void RedisSocket::close() noexcept
{
    made_ = false;
    if (refusal_.posted) {
        ngx_delete_posted_event(&refusal_);
    }
    if (connection_ != nullptr) {
        end_tls(connection_);
        ngx_close_connection(connection_);
        connection_ = nullptr;
    }
}

void RedisSocket::confirm()
{
    if (connection_->write->timer_set) {
        ngx_del_timer(connection_->write);
    }
}

void RedisSocket::connected()
{
    if (conf_.address.socket_path.empty()) {
        // Without it the commands still leave, only later.
        (void)ngx_tcp_nodelay(connection_);
    }
    if (conf_.tls == nullptr) {
        made_ = true;
        owner_.opened(owner_.context);
        return;
    }

    ngx_add_timer(connection_->write, conf_.address.connect_timeout_ms);
    const std::string& name = conf_.address.tls_name;
    if (start_tls(connection_, conf_.tls, name.empty() ? host_ : name,
                  on_secured) != NGX_AGAIN) {
        secured();
    }
}

void RedisSocket::on_secured(ngx_connection_t* c)
{
    static_cast<RedisSocket*>(c->data)->secured();
}

void RedisSocket::secured()
{
    if (connection_->write->timedout) {
        owner_.failed(owner_.context, Loss::timeout, late, 0);
        return;
    }
    if (const char* problem = tls_problem(connection_)) {
        owner_.failed(owner_.context, Loss::tls, problem, 0);
        return;
    }
    connection_->read->handler = on_read;
    connection_->write->handler = on_write;
    made_ = true;
    owner_.opened(owner_.context);
}

void RedisSocket::on_write(ngx_event_t* ev)
{
    RedisSocket* self = self_of(ev);
    const Owner& owner = self->owner_;

    if (ev->timedout) {
        owner.failed(owner.context, Loss::timeout, late, 0);
    } else if (self->made_) {
        owner.writable(owner.context);
    } else if (const ngx_err_t err = connect_error(self->connection_)) {
        owner.failed(owner.context, Loss::unreachable, "cannot connect", err);
    } else {
        self->connected();
    }
}

void RedisSocket::on_read(ngx_event_t* ev)
{
    RedisSocket* self = self_of(ev);

    // epoll reports a refused connection to both handlers: the write one
    // tells why.
    if (self->made_) {
        self->owner_.readable(self->owner_.context);
    }
}

ssize_t RedisSocket::send(std::string_view bytes)
{
    return connection_->send(
        connection_, reinterpret_cast<u_char*>(const_cast<char*>(bytes.data())),
        bytes.size());
}

ssize_t RedisSocket::receive(std::span<u_char> buffer)
{
    return connection_->recv(connection_, buffer.data(), buffer.size());
}

bool RedisSocket::await_readable()
{
    return ngx_handle_read_event(connection_->read, 0) == NGX_OK;
}

bool RedisSocket::await_writable()
{
    return ngx_handle_write_event(connection_->write, 0) == NGX_OK;
}

} // namespace psm::edge
