// SPDX-License-Identifier: BSD-2-Clause
//
// A Redis session whose replies are written down, for its tests.

#pragma once

#include "check.hpp"

#include "../../lib/redis_session.hpp"

#include <string>
#include <vector>

namespace check {

using psm::RedisCredentials;
using psm::RedisLimits;
using psm::RedisReply;
using psm::RedisSession;
using psm::RedisType;

/// One element as text: +status -error $string :integer *count _ for nil.
inline std::string describe(const RedisReply& reply)
{
    switch (reply.type) {
    case RedisType::nil:
        return "_ ";
    case RedisType::string:
        return "$" + std::string(reply.text) + " ";
    case RedisType::status:
        return "+" + std::string(reply.text) + " ";
    case RedisType::error:
        return "-" + std::string(reply.text) + " ";
    case RedisType::integer:
        return ":" + std::to_string(reply.integer) + " ";
    case RedisType::array:
        return "*" + std::to_string(reply.integer) + " ";
    }
    return "?";
}

/// A session whose replies are written down as "tag=reply;".
struct Talk {
    explicit Talk(const RedisLimits& limits = {},
                  const RedisCredentials& credentials = {})
        : session(limits, &Talk::on_reply, this)
    {
        session.start(credentials);
    }

    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply)
    {
        auto* const talk = static_cast<Talk*>(context);
        talk->heard += std::to_string(tag) + "=" + describe(reply);
        for (const RedisReply& element : reply.elements) {
            talk->heard += describe(element);
        }
        talk->heard += ";";
        if (!talk->chain.empty()) {
            const std::string word = talk->chain.back();
            talk->chain.pop_back();
            check_that("chained", talk->session.command({word}, tag + 100));
        }
    }

    /// Gives `count` commands with the tags 1, 2, ...
    void ask(int count)
    {
        for (int i = 1; i <= count; i++) {
            check_that("asked",
                       session.command({"GET", "k"}, static_cast<unsigned>(i)));
        }
    }

    RedisSession session;
    std::string heard;
    std::vector<std::string> chain; // commands that the handler gives
};

} // namespace check
