// SPDX-License-Identifier: BSD-2-Clause
//
// The parameters of psm_token_cache.

#pragma once

#include "conf.hpp"

namespace psm::edge {

/// The setter of the directive.
char* set_cache(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);

/// Its defaults, once psm_token_redis is known.
char* init_cache(ngx_conf_t* cf, MainConf* mcf);

} // namespace psm::edge
