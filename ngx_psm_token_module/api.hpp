// SPDX-License-Identifier: BSD-2-Clause
//
// psm_token_api: a location that answers as lib/api.hpp decides. What that
// needs of Redis is waited for by the request alone.

#pragma once

#include "ngx.hpp"

namespace psm::edge {

struct Request;

/// In PREACCESS of the API's location: reads who asks, takes tokens out of the
/// headers before anybody else sees them, and looks the token up, for the
/// variables and who is keyed by them (limits above all). NGX_DECLINED, a
/// status, or NGX_AGAIN: the phase is entered again.
ngx_int_t prepare_api(Request* request);

/// The content handler.
ngx_int_t api_handler(ngx_http_request_t* r);

} // namespace psm::edge
