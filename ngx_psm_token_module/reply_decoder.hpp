// SPDX-License-Identifier: BSD-2-Clause
//
// From a reply of Redis to what it says of a record. What is no record is told
// in the error log: a broken one each time, an error of Redis once for each
// kind and while, because -LOADING may be the answer to thousands.

#pragma once

#include "record_cache.hpp"

#include "../lib/redis_reader.hpp"

#include <string>
#include <vector>

namespace psm::edge {

class ReplyDecoder {
public:
    explicit ReplyDecoder(ngx_log_t* log) : log_(log) {}

    /// The reply to GET of `key`, which is about `subject`. The answer's value
    /// holds until the next call. Never throws.
    [[nodiscard]] Answer read(Subject subject, const std::string& key,
                              const RedisReply& reply) noexcept;

private:
    struct Complaint {
        std::string kind;
        ngx_msec_t time = 0;
    };

    [[nodiscard]] Answer decode(Subject subject, const std::string& key,
                                std::string_view text);
    void complain(const std::string& key, const RedisReply& reply);

    ngx_log_t* log_;
    std::string value_;
    std::vector<Complaint> complaints_; // what was logged not long ago
};

} // namespace psm::edge
