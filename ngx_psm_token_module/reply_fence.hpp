// SPDX-License-Identifier: BSD-2-Clause
//
// Makes sure that a reply belongs to its command. Nothing but the order ties
// the two together, so one reply too many or too few, from a proxy or by a
// fault of ours, would hand one request the answer of another. Each send ends
// with a PING of a number that is used once; the replies before it are held
// until Redis gives this number back where it is due. What does not fit ends
// the belief in the connection: nothing that is held is delivered, and the
// look-ups are asked again on the next.

#pragma once

#include "../lib/redis_session.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace psm::edge {

/// A number in digits.
class Digits {
public:
    explicit Digits(std::uint64_t number) noexcept
    {
        char* const end = std::to_chars(text_.begin(), text_.end(), number).ptr;
        length_ = static_cast<std::size_t>(end - text_.begin());
    }

    [[nodiscard]] std::string_view view() const noexcept
    {
        return {text_.data(), length_};
    }

private:
    std::array<char, 20> text_{};
    std::size_t length_ = 0;
};

class ReplyFence {
public:
    /// The tag of the PINGs; commands have others.
    static constexpr std::uint64_t ping = 0;
    /// Up to here tags are of commands that are no GET, and may be refused.
    static constexpr std::uint64_t last_other = 15;

    ReplyFence(RedisSession::Handler deliver, void* context)
        : deliver_(deliver), context_(context)
    {
    }

    /// A new connection. `first` is the number of its first PING: others have
    /// others, in case a proxy mixes up its clients.
    void reset(std::uint64_t first) noexcept;

    /// The word of the next PING. It must be sent.
    [[nodiscard]] Digits next_ping() noexcept { return Digits(asked_++); }

    /// The handler to give to a session, its context being the fence. It may
    /// throw std::bad_alloc.
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply);

    /// Why replies are no longer believed; empty while all is well.
    [[nodiscard]] const std::string& doubt() const noexcept { return doubt_; }

    /// A PING was answered: Redis serves us, and is in step.
    [[nodiscard]] bool passed() const noexcept { return passed_; }

    /// A command was answered.
    [[nodiscard]] bool useful() const noexcept { return useful_; }

    /// Redis answers nobody for now: it loads, a script runs.
    [[nodiscard]] bool passing() const noexcept { return passing_; }

    /// Redis wants a password that we do not have.
    [[nodiscard]] bool locked_out() const noexcept { return locked_out_; }

private:
    struct Held {
        std::uint64_t tag = 0;
        RedisType type = RedisType::nil;
        std::string text;
    };

    void hold(std::uint64_t tag, const RedisReply& reply);
    void pass(const RedisReply& pong);

    RedisSession::Handler deliver_;
    void* context_;
    std::vector<Held> held_;
    std::size_t held_bytes_ = 0;
    std::string doubt_;
    std::uint64_t asked_ = 0;    // the number of the next PING
    std::uint64_t answered_ = 0; // the number that is due next
    bool passed_ = false;
    bool useful_ = false;
    bool locked_out_ = false;
    bool passing_ = false;
};

} // namespace psm::edge
