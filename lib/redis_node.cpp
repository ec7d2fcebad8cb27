// SPDX-License-Identifier: BSD-2-Clause

#include "redis_node.hpp"

namespace psm {

std::string_view run_id_of(const RedisReply& reply) noexcept
{
    constexpr std::string_view name = "\nrun_id:";
    constexpr std::size_t length = 40;

    if (reply.type != RedisType::string) {
        return {};
    }
    const std::size_t at = reply.text.find(name);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view id = reply.text.substr(at + name.size(), length);
    return id.size() == length && id.find_first_not_of("0123456789abcdef") ==
                                      std::string_view::npos
               ? id
               : std::string_view();
}

std::string_view role_of(const RedisReply& reply) noexcept
{
    if (reply.type != RedisType::array || reply.elements.empty() ||
        reply.elements.front().type != RedisType::string) {
        return {};
    }
    return reply.elements.front().text;
}

bool is_demoted(const RedisReply& reply) noexcept
{
    return reply.type == RedisType::string &&
           reply.text.find("\nrole:slave\r") != std::string_view::npos;
}

} // namespace psm
