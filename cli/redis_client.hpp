// SPDX-License-Identifier: BSD-2-Clause
//
// One blocking connection to Redis over the session of lib: TCP or a unix
// socket, every wait bounded by the timeouts of the address.
//
//     RedisClient client(address);
//     const RedisValue value = client.run({"GET", key});
//
// Whatever goes wrong is a Failure that names the address and the cause.

#pragma once

#include "../lib/redis_address.hpp"
#include "../lib/redis_session.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// A reply that owns its texts. Arrays are flat, as in RedisReply.
struct RedisValue {
    RedisType type = RedisType::nil;
    std::string text;
    std::int64_t integer = 0;
    std::vector<RedisValue> elements;

    [[nodiscard]] bool is_nil() const noexcept
    {
        return type == RedisType::nil;
    }
};

class RedisClient {
public:
    /// Connects and logs in.
    explicit RedisClient(RedisAddress address);
    ~RedisClient();
    RedisClient(const RedisClient&) = delete;
    RedisClient& operator=(const RedisClient&) = delete;

    /// Sends one command and waits for its reply; an error reply is a
    /// Failure.
    RedisValue run(std::span<const std::string_view> words);

    RedisValue run(std::initializer_list<std::string_view> words)
    {
        return run(std::span(words.begin(), words.size()));
    }

    /// The address, for messages.
    [[nodiscard]] std::string place() const;

private:
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);

    void connect_unix();
    void connect_tcp();
    bool connect_to(const void* address, unsigned length, int family);
    void log_in();
    void exchange();
    void wait_for(short events, std::int64_t deadline);
    [[noreturn]] void fail(const std::string& cause) const;

    RedisAddress address_;
    RedisSession session_;
    std::optional<RedisValue> reply_;
    int socket_ = -1;
    int connect_error_ = 0;
};

} // namespace psm::cli
