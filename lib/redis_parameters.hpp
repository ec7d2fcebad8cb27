// SPDX-License-Identifier: BSD-2-Clause
//
// The words behind the URI of an address of Redis: name=value, each at most
// once. What is allowed beside what is redis_address.cpp's matter.

#pragma once

#include "redis_word.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace psm {

struct RedisAddress;

/// The parameters that were given, by name.
class GivenParameters {
public:
    [[nodiscard]] bool has(std::string_view name) const noexcept;

private:
    friend RedisProblem
    parse_redis_parameters(std::span<const std::string_view> words,
                           RedisAddress& out, GivenParameters& given);

    std::uint32_t bits_ = 0; // by the place in the table
};

/// Writes what is given into `out` and leaves the rest of it as it is.
[[nodiscard]] RedisProblem
parse_redis_parameters(std::span<const std::string_view> words,
                       RedisAddress& out, GivenParameters& given);

} // namespace psm
