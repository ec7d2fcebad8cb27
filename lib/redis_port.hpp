// SPDX-License-Identifier: BSD-2-Clause
//
// Where the commands of a Task go: a connection that blocks, or one of an
// event loop, which the rules above it need not know.
//
//     RedisCall call(port, {"GET", key});
//     const RedisValue value = co_await call;
//
// The call lives in the coroutine that awaits it. An error reply is a value
// like any other; a connection that fails is an exception, whichever the port
// throws.

#pragma once

#include "redis_reader.hpp"

#include <coroutine>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace psm {

/// A reply that owns its texts. Arrays are flat, as in RedisReply.
struct RedisValue {
    RedisType type = RedisType::nil;
    std::string text{};
    std::int64_t integer = 0;
    std::vector<RedisValue> elements{};

    [[nodiscard]] bool is_nil() const noexcept
    {
        return type == RedisType::nil;
    }

    [[nodiscard]] bool is_error() const noexcept
    {
        return type == RedisType::error;
    }
};

[[nodiscard]] RedisValue own(const RedisReply& reply);

class RedisCall;

class RedisPort {
public:
    RedisPort() = default;
    RedisPort(const RedisPort&) = delete;
    RedisPort& operator=(const RedisPort&) = delete;
    virtual ~RedisPort() = default;

    /// Sends the command, and finishes or fails the call: before it returns
    /// (then it may throw as well), or later.
    virtual void begin(RedisCall& call) = 0;

    /// Nobody waits for the call any more, which is about to go.
    virtual void forget(RedisCall& call) noexcept = 0;

    /// What an error reply to `command` means for who runs this: throws.
    [[noreturn]] virtual void refuse(const std::string& command,
                                     const std::string& error) const = 0;
};

class RedisCall {
public:
    /// Whether a lost answer leaves open what is in Redis now.
    enum class Effect : std::uint8_t { reads, changes };

    RedisCall(RedisPort& port, std::vector<std::string> words,
              Effect effect = Effect::reads)
        : port_(port), words_(std::move(words)), effect_(effect)
    {
    }

    RedisCall(const RedisCall&) = delete;
    RedisCall& operator=(const RedisCall&) = delete;

    ~RedisCall()
    {
        if (waiter_) {
            port_.forget(*this);
        }
    }

    [[nodiscard]] const std::vector<std::string>& words() const noexcept
    {
        return words_;
    }

    [[nodiscard]] Effect effect() const noexcept { return effect_; }

    // For the port, once. Who waits goes on before it returns, and the call is
    // gone by then.
    void finish(RedisValue value)
    {
        value_ = std::move(value);
        go_on();
    }

    void fail(std::exception_ptr failure)
    {
        failure_ = std::move(failure);
        go_on();
    }

    // For co_await.
    bool await_ready()
    {
        port_.begin(*this);
        return done_;
    }

    void await_suspend(std::coroutine_handle<> waiter) noexcept
    {
        waiter_ = waiter;
    }

    RedisValue await_resume()
    {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        return std::move(value_);
    }

private:
    void go_on()
    {
        done_ = true;
        if (const auto waiter = std::exchange(waiter_, {})) {
            waiter.resume();
        }
    }

    RedisPort& port_;
    std::vector<std::string> words_;
    Effect effect_;
    bool done_ = false;
    RedisValue value_;
    std::exception_ptr failure_;
    std::coroutine_handle<> waiter_;
};

} // namespace psm
