// SPDX-License-Identifier: BSD-2-Clause
//
// The handlers that identify and decide: PREACCESS finds out who it is and
// makes the decision, ACCESS returns it, PRECONTENT notes that access was
// given after all.

#pragma once

#include "ngx.hpp"

namespace psm::edge {

ngx_int_t preaccess_handler(ngx_http_request_t* r);
ngx_int_t access_handler(ngx_http_request_t* r);
ngx_int_t precontent_handler(ngx_http_request_t* r);

} // namespace psm::edge
