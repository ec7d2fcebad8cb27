// SPDX-License-Identifier: BSD-2-Clause
//
// A connected socket, TCP or unix, that never blocks: whoever uses it waits
// with a deadline. Closed with the object.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace psm {
struct RedisAddress;
}

namespace psm::cli {

/// Why a connection is of no use; the text does not name the peer.
class ConnectionError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Milliseconds of the monotonic clock.
[[nodiscard]] std::int64_t now_ms();

class RedisSocket {
public:
    /// Connects to the host (its addresses in turn) or the socket of
    /// `address`, each attempt bounded by its connect_timeout.
    explicit RedisSocket(const RedisAddress& address);
    ~RedisSocket();
    RedisSocket(const RedisSocket&) = delete;
    RedisSocket& operator=(const RedisSocket&) = delete;

    /// How many bytes were moved; 0: none at the moment. The end of the
    /// connection is an error.
    [[nodiscard]] std::size_t send(std::string_view bytes) const;
    [[nodiscard]] std::size_t receive(std::span<char> buffer) const;

    /// Until there is something to receive, or room to send if that is
    /// wanted. False when `deadline` (of now_ms) has passed.
    [[nodiscard]] bool wait(bool to_send, std::int64_t deadline) const;

private:
    int connect_unix(const RedisAddress& address);
    int connect_tcp(const RedisAddress& address);
    int connect_to(const void* address, unsigned length, int family,
                   std::uint32_t timeout_ms);

    int socket_ = -1;
};

} // namespace psm::cli
