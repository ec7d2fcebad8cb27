// SPDX-License-Identifier: BSD-2-Clause
//
// Giving the Location of an answer the path token of its request back, so
// that a redirect inside the site leads where the token still counts.

#pragma once

#include "request.hpp"

namespace psm::edge {

/// "http" or "https".
[[nodiscard]] std::string_view request_scheme(ngx_http_request_t* r);

/// Puts `t/<TOKEN>` into a Location of this site, where it stood in the
/// request; any other is left alone. False when memory is short.
[[nodiscard]] bool restore_token(const Request* request, ngx_str_t& location);

} // namespace psm::edge
