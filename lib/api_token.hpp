// SPDX-License-Identifier: BSD-2-Clause
//
// What the routes of single tokens share.

#pragma once

#include "api_call.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace psm {

/// The token of the route's id. Refuses one that is not the caller's in the
/// same words as one that is not there; one whose record is damaged only an
/// administrator is told of, and gets with `damaged`.
Task<StoredToken> find_token(ApiCall* call, bool damaged);

/// Refuses a request whose If-Match names another rev, or none (RFC 9110
/// section 13.1.1).
void check_if_match(const std::optional<std::string>& if_match,
                    std::int64_t rev);

/// Its JSON with an ETag, and with the string where it is new.
[[nodiscard]] ApiResponse token_response(const StoredToken& token,
                                         std::string_view text = {});

} // namespace psm
