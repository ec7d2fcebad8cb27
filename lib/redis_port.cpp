// SPDX-License-Identifier: BSD-2-Clause

#include "redis_port.hpp"

namespace psm {

RedisValue own(const RedisReply& reply)
{
    RedisValue value{.type = reply.type,
                     .text = std::string(reply.text),
                     .integer = reply.integer};
    value.elements.reserve(reply.elements.size());
    for (const RedisReply& element : reply.elements) {
        value.elements.push_back(own(element));
    }
    return value;
}

} // namespace psm
