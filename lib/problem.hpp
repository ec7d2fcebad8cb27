// SPDX-License-Identifier: BSD-2-Clause
//
// The body of a denial: application/problem+json (RFC 9457) with the extra
// members that conda (`detail`, `reason`, `message`) and anaconda-client
// (`error`) print. It never holds anything the client sent.

#pragma once

#include "policy.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace psm {

inline constexpr std::size_t max_problem_size = 1024;

/// Writes the body into `out` (max_problem_size characters) and returns the
/// part written. `request_id` is nginx's, 32 hexadecimal characters; anything
/// else in it is left out. `expires` (unix seconds) is told to the holder of
/// an expired token, never_expires otherwise.
[[nodiscard]] std::string_view write_problem(Reason reason,
                                             std::string_view request_id,
                                             std::int64_t expires,
                                             std::span<char> out) noexcept;

/// The WWW-Authenticate of a 401.
[[nodiscard]] std::string_view challenge(bool token_came) noexcept;

} // namespace psm
