// SPDX-License-Identifier: BSD-2-Clause
//
// The directives of the API, and what is made of them once all are read.

#pragma once

#include "conf.hpp"

#include "../lib/api.hpp"

namespace psm::edge {

// The setters of the directives.
char* set_api(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* set_api_redis(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* set_api_user(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* set_api_admin(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);
char* set_api_age(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);

/// Once psm_token_redis is known.
char* init_api(ngx_conf_t* cf, MainConf* mcf);

/// Before the rest of the location's is merged.
char* merge_api(ngx_conf_t* cf, const LocationConf* prev, LocationConf* conf);

/// Of a location of the API; the format is the server's.
[[nodiscard]] Api::Limits api_limits(const LocationConf* conf);

} // namespace psm::edge
