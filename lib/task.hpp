// SPDX-License-Identifier: BSD-2-Clause
//
// A coroutine that works out one value, and may have to wait for Redis on the
// way: written as one piece, run by a command line that blocks and by an event
// loop that must not.
//
//     Task<int> twice(Store& store) { co_return 2 * co_await count(store); }
//
// A Task owns its frame, and with it the tasks that it awaits: to destroy the
// outermost one is to give the whole up, wherever it waits. It starts when it
// is awaited, or by start(). Arguments are taken by value, since a reference
// may be gone when it goes on. Where it waits it is resumed by what it waits
// for (redis_port.hpp).

#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace psm {

template <typename T>
class Task;

/// What promises of every type share.
class TaskPromise {
public:
    static std::suspend_always initial_suspend() noexcept { return {}; }

    /// At the end goes on who awaited it.
    struct Final {
        static bool await_ready() noexcept { return false; }

        template <typename Promise>
        static std::coroutine_handle<>
        await_suspend(std::coroutine_handle<Promise> done) noexcept
        {
            const std::coroutine_handle<> waiter = done.promise().waiter_;
            return waiter ? waiter : std::noop_coroutine();
        }

        static void await_resume() noexcept {}
    };

    static Final final_suspend() noexcept { return {}; }

    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    void set_waiter(std::coroutine_handle<> waiter) noexcept
    {
        waiter_ = waiter;
    }

protected:
    void rethrow() const
    {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

private:
    std::coroutine_handle<> waiter_;
    std::exception_ptr failure_;
};

template <typename T>
class TaskPromiseOf : public TaskPromise {
public:
    Task<T> get_return_object() noexcept;

    void return_value(T value) { value_.emplace(std::move(value)); }

    T take()
    {
        rethrow();
        return std::move(*value_);
    }

private:
    std::optional<T> value_;
};

template <>
class TaskPromiseOf<void> : public TaskPromise {
public:
    Task<void> get_return_object() noexcept;

    static void return_void() noexcept {}

    void take() const { rethrow(); }
};

template <typename T = void>
class [[nodiscard]] Task {
public:
    using promise_type = TaskPromiseOf<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) noexcept : handle_(handle) {}

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}

    Task& operator=(Task&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }

    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

    ~Task()
    {
        if (handle_) {
            handle_.destroy();
        }
    }

    /// Of the outermost task: runs until it first has to wait.
    void start() { handle_.resume(); }

    [[nodiscard]] bool done() const noexcept { return handle_.done(); }

    /// Of a task that is done; throws what ended it.
    T take() { return handle_.promise().take(); }

    // For co_await.
    [[nodiscard]] static bool await_ready() noexcept { return false; }

    std::coroutine_handle<>
    await_suspend(std::coroutine_handle<> waiter) noexcept
    {
        handle_.promise().set_waiter(waiter);
        return handle_;
    }

    T await_resume() { return take(); }

private:
    Handle handle_;
};

template <typename T>
Task<T> TaskPromiseOf<T>::get_return_object() noexcept
{
    return Task<T>(Task<T>::Handle::from_promise(*this));
}

inline Task<void> TaskPromiseOf<void>::get_return_object() noexcept
{
    return Task<void>(Task<void>::Handle::from_promise(*this));
}

/// For those whose Redis answers before it returns: nothing ever waits.
template <typename T>
T run_now(Task<T> task)
{
    task.start();
    return task.take();
}

} // namespace psm
