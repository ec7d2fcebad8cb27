// SPDX-License-Identifier: BSD-2-Clause
//
// RESP2 once more, for the session's fuzz target: a whole text at a time, by
// plain recursion, with the limits of redis_reader.hpp. A reply is written
// as check::describe of the unit tests writes it.

#pragma once

#include "../../lib/redis_session.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace resp {

/// One reply: its type byte (`_` for nil), its text, and all as one line.
struct Reply {
    char type = '_';
    std::string text;
    std::string described;
};

enum class State : std::uint8_t { whole, incomplete, wrong };

class Parser {
public:
    Parser(std::string_view bytes, const psm::RedisLimits& limits)
        : left_(bytes), limits_(limits)
    {
    }

    /// The next reply; after anything but `whole` there is none.
    State next(Reply& reply)
    {
        reply = {};
        text_ = 0;
        elements_ = 0;
        return item(reply, 1);
    }

private:
    static constexpr std::size_t depth_limit = 4;
    static constexpr std::size_t frame = 64;

    State item(Reply& reply, std::size_t depth)
    {
        if (left_.empty()) {
            return State::incomplete;
        }
        const char type = left_.front();
        left_.remove_prefix(1);
        if (std::string_view("+-:$*").find(type) == std::string_view::npos) {
            return State::wrong;
        }
        const auto end = left_.find("\r\n");
        if (end == std::string_view::npos) {
            return wait();
        }
        const auto line = left_.substr(0, end);
        if (type == '+' || type == '-') {
            left_.remove_prefix(end + 2);
            return add(reply, type, line, depth);
        }
        const auto number = integer(line);
        if (!number) {
            return State::wrong;
        }
        if (type == '$' && *number >= 0) {
            return bulk(reply, *number, end + 2, depth);
        }
        left_.remove_prefix(end + 2);
        if (type == ':') {
            return add_plain(reply, type, std::string(line), depth);
        }
        if (*number == -1) { // of the two nulls, the string's alone
            return type == '$' ? add_plain(reply, '_', "", depth)
                               : State::wrong;
        }
        return *number < 0 ? State::wrong : array(reply, *number, depth);
    }

    State bulk(Reply& reply, std::int64_t size, std::size_t at,
               std::size_t depth)
    {
        const auto length = static_cast<std::uint64_t>(size);
        if (left_.size() < at + 2 || left_.size() - at - 2 < length) {
            return wait();
        }
        const auto text = left_.substr(at, length);
        const bool ended = left_.substr(at + length, 2) == "\r\n";
        left_.remove_prefix(at + length + 2);
        return ended ? add(reply, '$', text, depth) : State::wrong;
    }

    State array(Reply& reply, std::int64_t count, std::size_t depth)
    {
        const auto length = static_cast<std::uint64_t>(count);
        if (depth > depth_limit || length > limits_.max_elements - elements_) {
            return State::wrong;
        }
        elements_ += length;
        add_plain(reply, '*', std::to_string(count), depth);
        for (std::uint64_t i = 0; i < length; i++) {
            const auto state = item(reply, depth + 1);
            if (state != State::whole) {
                return state;
            }
        }
        return State::whole;
    }

    State add(Reply& reply, char type, std::string_view text, std::size_t depth)
    {
        if (text.size() > limits_.max_reply - text_) {
            return State::wrong;
        }
        text_ += text.size();
        return add_plain(reply, type, std::string(text), depth);
    }

    static State add_plain(Reply& reply, char type, const std::string& text,
                           std::size_t depth)
    {
        if (depth == 1) {
            reply.type = type;
            reply.text = text;
        }
        reply.described += type + text + " ";
        return State::whole;
    }

    /// One spelling only: no plus, no zero in front.
    static std::optional<std::int64_t> integer(std::string_view text)
    {
        std::int64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return std::to_string(value) == text ? std::optional(value)
                                             : std::nullopt;
    }

    /// What can no longer become a reply within the limits is wrong already.
    [[nodiscard]] State wait() const
    {
        return left_.size() > limits_.max_reply + frame ? State::wrong
                                                        : State::incomplete;
    }

    std::string_view left_;
    psm::RedisLimits limits_;
    std::size_t text_ = 0;
    std::size_t elements_ = 0;
};

} // namespace resp
