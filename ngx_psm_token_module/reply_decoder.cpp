// SPDX-License-Identifier: BSD-2-Clause

#include "reply_decoder.hpp"

#include "../lib/identity.hpp"
#include "../lib/record.hpp"

#include <optional>

namespace psm::edge {

namespace {

constexpr ngx_msec_t complaint_pause = 10000;

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
    const std::string text = quote_reply(reply.text);
    // The rest may differ from key to key: -MOVED names the slot.
    std::string kind = text.substr(0, text.find(' '));

    if (kind == complaint_ &&
        ngx_current_msec - complained_ < complaint_pause) {
        return;
    }
    ngx_log_error(NGX_LOG_ERR, log_, 0,
                  "psm token: redis answered the look-up of \"%s\" with: %s%s",
                  key.c_str(), text.c_str(), remark_on(reply.text));
    complaint_ = std::move(kind);
    complained_ = ngx_current_msec;
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
