// SPDX-License-Identifier: BSD-2-Clause

#include "reply_decoder.hpp"

#include "../lib/identity.hpp"
#include "../lib/record.hpp"

#include <algorithm>
#include <optional>

namespace psm::edge {

namespace {

constexpr ngx_msec_t complaint_pause = 10000;
constexpr std::size_t most_kinds = 16; // in one pause

/// "MOVED" of "MOVED 3999 127.0.0.1:6381": what follows may be other at each
/// key.
std::string_view kind_of(std::string_view error)
{
    constexpr std::size_t longest = 32;
    return error.substr(0, std::min(error.find(' '), longest));
}

/// What the errors of a Cluster's node begin with.
const char* remark_on(std::string_view error)
{
    const bool cluster = error.starts_with("MOVED ") ||
                         error.starts_with("ASK ") ||
                         error.starts_with("CLUSTERDOWN");

    return cluster ? " (Redis Cluster is not supported yet)" : "";
}

} // namespace

Answer ReplyDecoder::read(Subject subject, const std::string& key,
                          const RedisReply& reply) noexcept
{
    // Only nil is "unknown". -LOADING, -NOAUTH, -MOVED and whatever else is
    // no record mean that Redis did not say.
    if (reply.type == RedisType::nil) {
        return {.kind = Answer::Kind::absent, .value = {}};
    }
    if (reply.type == RedisType::string) {
        return guard(log_, Answer{},
                     [&] { return decode(subject, key, reply.text); });
    }
    guard(log_, 0, [&] { return complain(key, reply), 0; });
    return {};
}

void ReplyDecoder::complain(const std::string& key, const RedisReply& reply)
{
    const std::string_view kind = kind_of(reply.text);

    std::erase_if(complaints_, [](const Complaint& c) {
        return ngx_current_msec - c.time >= complaint_pause;
    });
    if (complaints_.size() >= most_kinds ||
        std::ranges::any_of(complaints_, [kind](const Complaint& c) {
            return c.kind == kind;
        })) {
        return;
    }
    complaints_.push_back({std::string(kind), ngx_current_msec});

    const std::string text = quote_reply(reply.text);
    ngx_log_error(NGX_LOG_ERR, log_, 0,
                  "psm token: redis answered the look-up of \"%s\" with: %s%s",
                  key.c_str(), text.c_str(), remark_on(reply.text));
}

Answer ReplyDecoder::decode(Subject subject, const std::string& key,
                            std::string_view text)
{
    std::optional<std::string> error;

    if (subject == Subject::token) {
        TokenRecord record;
        error = decode_token_record(text, record);
        if (!error) {
            value_ = pack(record);
        }
    } else {
        Privacy privacy{};
        error = decode_channel_record(text, privacy);
        value_.assign(1, static_cast<char>(privacy));
    }

    if (error) {
        ngx_log_error(NGX_LOG_ERR, log_, 0,
                      "psm token: record \"%s\" is invalid: %s", key.c_str(),
                      error->c_str());
        return {.kind = Answer::Kind::invalid, .value = {}};
    }
    return {.kind = Answer::Kind::found, .value = value_};
}

} // namespace psm::edge
