// SPDX-License-Identifier: BSD-2-Clause
//
// One blocking connection to Redis, or to a sentinel, over the session of
// lib: TCP, TLS or a unix socket, every wait bounded by the timeouts of the
// address.
//
//     RedisClient client(address);
//     const RedisValue value = client.run({"GET", key});
//
// Whatever goes wrong is a Failure that names the address and the cause. For
// sentinel:// there is connect_redis().

#pragma once

#include "command.hpp"
#include "redis_stream.hpp"

#include "../lib/redis_address.hpp"
#include "../lib/redis_port.hpp"
#include "../lib/redis_session.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// The server failed us.
class RedisFailure : public Failure {
public:
    RedisFailure(const std::string& who, const std::string& cause,
                 bool refused = false)
        : Failure(cannot_tell, who + ": " + cause), refused_(refused)
    {
    }

    /// It answered with an error: it did nothing. Otherwise nobody knows.
    [[nodiscard]] bool refused() const noexcept { return refused_; }

private:
    bool refused_;
};

class RedisClient {
public:
    enum class Peer : std::uint8_t { redis, sentinel };

    /// Connects to the host or socket of `address` and logs in as its user,
    /// for a sentinel as its sentinel_user.
    explicit RedisClient(RedisAddress address, Peer peer = Peer::redis);
    RedisClient(const RedisClient&) = delete;
    RedisClient& operator=(const RedisClient&) = delete;
    ~RedisClient() = default;

    /// Sends one command and waits for its reply, `longer_ms` longer than
    /// usual. An error reply is a value.
    RedisValue ask(std::span<const std::string_view> words,
                   std::uint32_t longer_ms = 0);

    /// The same where an error reply is a Failure.
    RedisValue run(std::span<const std::string_view> words,
                   std::uint32_t longer_ms = 0);

    RedisValue run(std::initializer_list<std::string_view> words,
                   std::uint32_t longer_ms = 0)
    {
        return run(std::span(words.begin(), words.size()), longer_ms);
    }

    /// The Failure for an error reply to a command.
    [[noreturn]] void refuse(std::string_view command,
                             std::string_view error) const;

    /// The address, for messages.
    [[nodiscard]] std::string place() const;

private:
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);

    void log_in();
    template <class Done>
    void exchange(std::uint32_t timeout_ms, const Done& done);
    bool move_bytes();
    [[nodiscard]] std::string remedy_for(std::string_view error) const;
    [[noreturn]] void fail(const std::string& cause,
                           bool refused = false) const;
    [[noreturn]] void fail(const ConnectionError& error) const;

    RedisAddress address_;
    Peer peer_;
    RedisSession session_;
    std::unique_ptr<RedisStream> stream_;
    std::optional<RedisValue> reply_;
    bool heard_ = false; // anything at all
};

} // namespace psm::cli
