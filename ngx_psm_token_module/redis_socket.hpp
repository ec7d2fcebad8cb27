// SPDX-License-Identifier: BSD-2-Clause
//
// One socket to Redis, in nginx's event loop: made, secured where TLS is asked
// for, then bytes. Until confirm() it has the time of connect_timeout, once
// for the connection and what follows, once more for the handshake of TLS.
//
// nginx's own words on failures are not logged: the owner has one line for
// each change of state. The owner is never called from inside its own calls.

#pragma once

#include "loss.hpp"
#include "ngx.hpp"
#include "redis_place.hpp"

#include <span>
#include <string>
#include <string_view>

namespace psm::edge {

class RedisSocket {
public:
    struct Owner {
        void* context = nullptr;
        void (*opened)(void* context) = nullptr;
        void (*readable)(void* context) = nullptr;
        void (*writable)(void* context) = nullptr;
        /// It has to be closed. `err` is 0 where the system has no word.
        void (*failed)(void* context, Loss cause, const char* why,
                       ngx_err_t err) = nullptr;
    };

    RedisSocket(const RedisConf& conf, const Owner& owner, ngx_log_t* log);

    ~RedisSocket() { close(); }

    RedisSocket(const RedisSocket&) = delete;
    RedisSocket& operator=(const RedisSocket&) = delete;

    /// `host` is what a certificate must name, unless the configuration says
    /// otherwise.
    void open(RedisPlace::Address& address, const std::string& host);

    /// Forgets all; nothing is called any more.
    void close() noexcept;

    /// Redis has answered: no deadline any more.
    void confirm();

    /// Like those of nginx's connections: a number of bytes, NGX_AGAIN,
    /// NGX_ERROR; 0 at the end of what comes.
    [[nodiscard]] ssize_t send(std::string_view bytes);
    [[nodiscard]] ssize_t receive(std::span<u_char> buffer);

    /// After NGX_AGAIN, or when there is no more; false when nginx fails.
    [[nodiscard]] bool await_readable();
    [[nodiscard]] bool await_writable();

private:
    static void on_write(ngx_event_t* ev);
    static void on_read(ngx_event_t* ev);
    static void on_secured(ngx_connection_t* c);
    static void on_refusal(ngx_event_t* ev);

    void connected();
    void secured();

    const RedisConf& conf_;
    Owner owner_;
    ngx_log_t quiet_;
    std::string host_;
    bool made_ = false; // and secured
    ngx_connection_t* connection_ = nullptr;
    ngx_err_t refusal_error_ = 0;
    ngx_event_t refusal_{}; // a connect() that failed at once
};

} // namespace psm::edge
