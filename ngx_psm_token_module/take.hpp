// SPDX-License-Identifier: BSD-2-Clause
//
// The SERVER_REWRITE handler: takes the path token out of the request and
// masks every copy of it, before a location is chosen and before anything is
// logged (design.md section 4).

#pragma once

#include "ngx.hpp"

namespace psm::edge {

ngx_int_t take_handler(ngx_http_request_t* r);

/// Makes the URI that upstreams are sent the one that is judged: an upstream
/// that reads "//", ".." or an escape in its own way would see another path.
/// False when memory is short.
[[nodiscard]] bool canonicalize_uri(ngx_http_request_t* r);

/// Masks what nginx kept of a request that it refused before any phase: the
/// request line, the URI as far as it was read, the Referer.
void mask_unseen(ngx_http_request_t* r) noexcept;

} // namespace psm::edge
