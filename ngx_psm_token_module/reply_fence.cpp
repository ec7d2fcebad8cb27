// SPDX-License-Identifier: BSD-2-Clause

#include "reply_fence.hpp"

#include <algorithm>
#include <utility>

namespace psm::edge {

namespace {

constexpr std::size_t max_held_bytes = std::size_t{16} * 1024 * 1024;

/// Whether Redis can have meant this for the command. An error of the
/// connection ("ERR max number of clients reached") comes unasked; a GET is
/// not answered by another "ERR".
bool answers(std::uint64_t tag, const RedisReply& reply)
{
    const bool get = tag > ReplyFence::last_other;

    switch (reply.type) {
    case RedisType::nil:
    case RedisType::string:
        return true;
    case RedisType::error:
        return !reply.text.starts_with(get ? "ERR " : "ERR max number") &&
               !reply.text.starts_with("DENIED");
    default:
        return false;
    }
}

std::string words_of(const RedisReply& reply)
{
    return reply.type == RedisType::error ? quote_reply(reply.text)
                                          : "something else";
}

} // namespace

void ReplyFence::reset(std::uint64_t first) noexcept
{
    asked_ = first;
    answered_ = first;
    held_.clear();
    held_bytes_ = 0;
    doubt_.clear();
    passed_ = false;
    useful_ = false;
    locked_out_ = false;
    passing_ = false;
}

void ReplyFence::on_reply(void* context, std::uint64_t tag,
                          const RedisReply& reply)
{
    auto* fence = static_cast<ReplyFence*>(context);

    if (!fence->doubt_.empty()) {
        return;
    }
    if (tag == ping) {
        fence->pass(reply);
    } else {
        fence->hold(tag, reply);
    }
}

void ReplyFence::hold(std::uint64_t tag, const RedisReply& reply)
{
    held_bytes_ += reply.text.size();
    if (!answers(tag, reply)) {
        doubt_ = "Redis answered a command with: " + words_of(reply);
    } else if (reply.type == RedisType::string &&
               reply.text == Digits(answered_).view()) {
        // No record is a number. Said at once: the PONG that is due would
        // never come.
        doubt_ = "Redis left out an answer";
    } else if (held_bytes_ > max_held_bytes) {
        doubt_ = "Redis answered too much";
    } else {
        held_.push_back({tag, reply.type, std::string(reply.text)});
    }
}

void ReplyFence::pass(const RedisReply& pong)
{
    if (pong.type != RedisType::string ||
        pong.text != Digits(answered_).view()) {
        const bool error = pong.type == RedisType::error;
        locked_out_ = error && pong.text.starts_with("NOAUTH");
        passing_ = error && is_transient(pong.text);
        doubt_ = "Redis answered PING with: " + words_of(pong);
        return;
    }
    answered_++;
    passed_ = true;
    useful_ = useful_ || std::ranges::any_of(held_, [](const Held& h) {
                  return h.tag > last_other;
              });

    const std::vector<Held> held = std::exchange(held_, {});
    held_bytes_ = 0;
    for (const Held& h : held) {
        RedisReply reply;
        reply.type = h.type;
        reply.text = h.text;
        deliver_(context_, h.tag, reply);
    }
}

} // namespace psm::edge
