// SPDX-License-Identifier: BSD-2-Clause
//
// The $psm_token_* variables, and nginx's own variables that would show a
// token that a header carries.

#pragma once

#include "ngx.hpp"

namespace psm::edge {

/// Adds the former and takes over the latter.
ngx_int_t add_variables(ngx_conf_t* cf);

} // namespace psm::edge
