// SPDX-License-Identifier: BSD-2-Clause
//
// From the words of psm_token_redis to something to connect to: the password
// and the certificates read, the name resolved unless nginx has a resolver.
// All this happens once, when nginx starts or reloads, because none of it can
// be done in a worker without blocking it.

#pragma once

#include "conf.hpp"

namespace psm::edge {

/// Lives in the configuration pool; nullptr after a logged error. `directive`
/// is named in the message.
[[nodiscard]] RedisConf* read_redis_conf(ngx_conf_t* cf,
                                         const ngx_str_t& directive,
                                         std::span<const ngx_str_t> words);

/// What needs the other directives of http{} to be read. False after a logged
/// error.
[[nodiscard]] bool finish_redis_conf(ngx_conf_t* cf, const ngx_str_t& directive,
                                     RedisConf* conf);

} // namespace psm::edge
