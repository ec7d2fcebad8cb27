// SPDX-License-Identifier: BSD-2-Clause
//
// psm_token_metrics: a location whose content is what the workers have
// counted (counters.hpp).

#pragma once

#include "ngx.hpp"

namespace psm::edge {

char* set_metrics(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);

} // namespace psm::edge
