// SPDX-License-Identifier: BSD-2-Clause
//
// Bytes to and from Redis, over TLS or not: a socket, and what encrypts.

#pragma once

#include "redis_socket.hpp"
#include "redis_tls.hpp"

#include <memory>

namespace psm::cli {

class RedisStream {
public:
    /// Connects, and does the TLS handshake if `address` says so; each within
    /// its connect_timeout. Throws ConnectionError, as all of these.
    explicit RedisStream(const RedisAddress& address);

    /// How many of the bytes were taken; 0: none at the moment.
    [[nodiscard]] std::size_t send(std::string_view bytes);

    /// How many bytes have come; 0: none at the moment.
    [[nodiscard]] std::size_t receive(std::span<char> buffer);

    /// As RedisSocket::wait().
    [[nodiscard]] bool wait(bool to_send, std::int64_t deadline);

private:
    void shake_hands(std::uint32_t timeout_ms);
    void flush();
    void refill();

    RedisSocket socket_;
    std::unique_ptr<RedisTls> tls_; // null: plain
};

} // namespace psm::cli
