// SPDX-License-Identifier: BSD-2-Clause
//
// The rule for all that comes behind the subscription: what is not understood
// may have been a change, so everything goes and the connection with it.

#include "redis_tracking.hpp"

#include "redis_node.hpp"

#include <algorithm>

namespace psm {

namespace {

constexpr std::string_view channel = "__redis__:invalidate";

/// What a reply answers; message stands for all that comes unasked.
enum Tag : std::uint64_t { role, info, id, tracking, message };

bool is_message(const RedisReply& reply, std::string_view kind)
{
    return reply.type == RedisType::array && reply.elements.size() >= 2 &&
           reply.elements[0].type == RedisType::string &&
           reply.elements[0].text == kind &&
           reply.elements[1].type == RedisType::string;
}

} // namespace

bool RedisTracking::greet(RedisSession& session, std::string_view prefix)
{
    session_ = &session;
    prefixes_ = {std::string(prefix) + "t:", std::string(prefix) + "c:"};
    run_id_.clear();
    doubt_.clear();
    refused_ = false;
    replica_ = false;
    live_ = false;
    proven_ = 0;
    pings_.clear();
    answered_ = 0;
    return session.command({"ROLE"}, role) &&
           session.command({"INFO", "server"}, info) &&
           session.command({"CLIENT", "ID"}, id);
}

void RedisTracking::on_reply(void* context, std::uint64_t tag,
                             const RedisReply& reply)
{
    auto* const self = static_cast<RedisTracking*>(context);

    if (!self->doubt_.empty()) {
        return;
    }
    switch (static_cast<Tag>(tag)) {
    case role:
        return self->take_role(reply);
    case info:
        return self->take_info(reply);
    case id:
        return self->take_id(reply);
    case tracking:
        return self->take_tracking(reply);
    case message:
        return self->take_message(reply);
    }
}

void RedisTracking::take_role(const RedisReply& reply)
{
    if (role_of(reply) != "master") {
        if (reply.type == RedisType::error) {
            return fail("ROLE", reply);
        }
        replica_ = true;
        fail("Redis is no master but a " + quote_reply(role_of(reply)) +
                 ", which may be told of a change too late",
             true);
    }
}

void RedisTracking::take_info(const RedisReply& reply)
{
    run_id_ = run_id_of(reply);
    if (run_id_.empty()) {
        fail("INFO server", reply);
    }
}

void RedisTracking::take_id(const RedisReply& reply)
{
    if (reply.type != RedisType::integer) {
        return fail("CLIENT ID", reply);
    }
    const std::string own = std::to_string(reply.integer);

    subscribed_at_ = owner_.now(owner_.context);
    const bool queued =
        session_->command({"CLIENT", "TRACKING", "ON", "REDIRECT", own, "BCAST",
                           "PREFIX", prefixes_[0], "PREFIX", prefixes_[1]},
                          tracking) &&
        session_->post({"SUBSCRIBE", channel});
    session_->listen(message);
    if (!queued) {
        fail("out of memory");
    }
}

void RedisTracking::take_tracking(const RedisReply& reply)
{
    if (reply.type != RedisType::status || reply.text != "OK") {
        fail("CLIENT TRACKING", reply);
    }
}

void RedisTracking::take_message(const RedisReply& reply)
{
    if (is_message(reply, "message") && reply.elements[1].text == channel) {
        take_change(reply);
    } else if (is_message(reply, "pong") && live_) {
        take_pong(reply);
    } else if (is_message(reply, "subscribe") && !live_) {
        take_subscribed(reply);
    } else if (reply.type == RedisType::error &&
               (!live_ || is_transient(reply.text))) {
        // A Redis that is busy says nothing of changes: a lost stream.
        fail(live_ ? "PING" : "SUBSCRIBE", reply);
    } else {
        owner_.flush(owner_.context, Flush::unknown);
        fail("Redis sent a message that is not understood");
    }
}

/// The third element: the keys, nil for all of them, a text when it is
/// somebody's PUBLISH.
void RedisTracking::take_change(const RedisReply& reply)
{
    const auto said = reply.elements.subspan(2);
    const RedisType type = said.empty() ? RedisType::error : said[0].type;
    const auto keys = said.empty() ? said : said.subspan(1);
    const bool sound = std::ranges::all_of(keys, [](const RedisReply& key) {
        return key.type == RedisType::string;
    });

    if (type == RedisType::nil && keys.empty()) {
        owner_.flush(owner_.context, Flush::emptied);
    } else if (type == RedisType::string && keys.empty()) {
        owner_.flush(owner_.context, Flush::forged);
    } else if (type == RedisType::array && sound) {
        for (const RedisReply& key : keys) {
            owner_.changed(owner_.context, key.text);
        }
    } else {
        owner_.flush(owner_.context, Flush::unknown);
        fail("Redis sent an invalidation that is not understood");
    }
}

void RedisTracking::take_pong(const RedisReply& reply)
{
    if (pings_.empty() || reply.elements[1].text != std::to_string(answered_)) {
        owner_.flush(owner_.context, Flush::unknown);
        return fail("Redis answered a PING that was not sent");
    }
    proven_ = pings_.front();
    pings_.pop_front();
    answered_++;
}

void RedisTracking::take_subscribed(const RedisReply& reply)
{
    if (reply.elements[1].text != channel) {
        return fail("Redis subscribed us to something else");
    }
    live_ = true;
    proven_ = subscribed_at_;
    owner_.flush(owner_.context, Flush::subscribed);
}

bool RedisTracking::ping()
{
    pings_.push_back(owner_.now(owner_.context));
    return session_->post(
        {"PING", std::to_string(answered_ + pings_.size() - 1)});
}

void RedisTracking::fail(std::string doubt, bool refused)
{
    doubt_ = std::move(doubt);
    refused_ = refused;
}

/// A reply to the greeting that is not what it should be.
void RedisTracking::fail(std::string_view command, const RedisReply& reply)
{
    const bool error = reply.type == RedisType::error;

    fail("Redis answered " + std::string(command) + " with " +
             (error ? quote_reply(reply.text) : "something else"),
         !error || !is_transient(reply.text));
}

} // namespace psm
