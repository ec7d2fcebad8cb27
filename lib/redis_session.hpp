// SPDX-License-Identifier: BSD-2-Clause
//
// One conversation with Redis (RESP2), without a socket: the caller moves the
// bytes. Commands are pipelined; replies come in order and are handed to one
// handler with the tag their command was given.
//
//     RedisSession session(limits, handler, context);
//     session.start({.user = "psm-gate", .password = secret});
//     session.command({"GET", key}, tag);
//     send(session.output()); session.sent(n);
//     if (!session.feed(bytes)) { close; report session.error(); }
//
// Commands are formatted here, straight into what is sent. hiredis parses the
// replies, with object functions of our own that keep no reply tree, limit
// nesting, elements and sizes, and do not recurse (redis.md section 2.4). Works
// with hiredis 0.14 and 1.x.
//
// The order of replies is the only thing that ties one to its command. So
// after any surprise (protocol error, a reply nobody asked for, a limit) the
// session is broken for good: nothing later can be trusted, close it.

#pragma once

#include "redis_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace psm {

struct RedisCredentials {
    std::string_view user{}; // empty: AUTH with the password alone
    std::string_view password{};
    int database = 0;
    std::string_view client_name{}; // CLIENT SETNAME; empty: none
};

struct RedisLimits {
    /// Bytes of text in one reply.
    std::size_t max_reply = std::size_t{64} * 1024 + 256;
    /// Of all arrays in one reply.
    std::size_t max_elements = 16;
    std::size_t max_outstanding = 1024;
    std::size_t max_output = std::size_t{1024} * 1024;
    /// Whether a null array is a nil: only sentinels answer with it.
    bool null_arrays = false;
};

/// Whether a later attempt may be answered better than by this error.
[[nodiscard]] bool is_transient(std::string_view error);

class RedisSession {
public:
    /// Called once per command given, in order, from within feed(). It may
    /// give further commands; it may not destroy the session or feed it.
    using Handler = void (*)(void* context, std::uint64_t tag,
                             const RedisReply& reply);

    RedisSession(const RedisLimits& limits, Handler handler, void* context);
    ~RedisSession();
    RedisSession(const RedisSession&) = delete;
    RedisSession& operator=(const RedisSession&) = delete;

    /// Comes first, once: queues AUTH, SELECT and CLIENT SETNAME as needed.
    /// An error reply to AUTH or SELECT breaks the session; one to SETNAME
    /// does not matter. The bytes of the greeting are wiped once sent.
    void start(const RedisCredentials& credentials);

    /// True once every command of start() was answered well.
    [[nodiscard]] bool ready() const noexcept;

    /// Queues a command; commands given before ready() follow the greeting.
    /// False before start(), when a limit is reached or the session is
    /// broken: nothing was queued and the handler will not be called for it.
    [[nodiscard]] bool command(std::span<const std::string_view> words,
                               std::uint64_t tag);

    [[nodiscard]] bool command(std::initializer_list<std::string_view> words,
                               std::uint64_t tag)
    {
        return command(std::span(words.begin(), words.size()), tag);
    }

    /// From now on what Redis says unasked, when no reply is due, goes to the
    /// handler with this tag instead of breaking the session: the messages of
    /// a subscription.
    void listen(std::uint64_t tag) noexcept;

    /// Queues a command that is answered like a message: SUBSCRIBE, and PING
    /// behind it. False as for command().
    [[nodiscard]] bool post(std::initializer_list<std::string_view> words);

    /// Bytes to send, and how many of them were.
    [[nodiscard]] std::string_view output() const noexcept;
    void sent(std::size_t count) noexcept;

    /// Takes received bytes, in any split. False once broken.
    [[nodiscard]] bool feed(std::string_view bytes);

    /// Commands of the caller that wait for a reply. Those of a broken
    /// session stay unanswered: the caller fails them itself.
    [[nodiscard]] std::size_t outstanding() const noexcept;

    [[nodiscard]] bool broken() const noexcept { return !error_.empty(); }

    /// Why the session broke, for a log line: our own words, then, for an
    /// error reply of Redis, its text. Empty while all is well.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

    /// The session broke because Redis refused the greeting (wrong password,
    /// no permission, no such database): trying again soon is no use.
    [[nodiscard]] bool refused() const noexcept { return refused_; }

    /// The session broke because Redis refused the greeting for now.
    [[nodiscard]] bool put_off() const noexcept { return put_off_; }

private:
    struct State; // hiredis and the buffers, kept out of this header

    void fail(std::string reason);
    bool enqueue(std::span<const std::string_view> words);
    void drain();
    void take(const RedisReply& reply);
    void take_greeting(const RedisReply& reply);

    std::unique_ptr<State> state_;
    std::string error_;
    bool refused_ = false;
    bool put_off_ = false;
};

} // namespace psm
