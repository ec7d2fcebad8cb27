// SPDX-License-Identifier: BSD-2-Clause
//
// TLS to Redis, by nginx's own OpenSSL. The certificate of the other side is
// always verified, its name too, and before a byte is sent: there is nothing
// that turns this off.

#pragma once

#include "ngx.hpp"

#include "../lib/redis_address.hpp"

#include <string>

namespace psm::edge {

/// What connections share: trust, client certificate, versions. Lives in the
/// configuration pool; nullptr after an error that names `directive`.
[[nodiscard]] ngx_ssl_t* make_tls(ngx_conf_t* cf, const ngx_str_t& directive,
                                  const RedisAddress& address);

/// Starts the handshake on a connection that was just made; `name` must be in
/// the certificate. NGX_OK: done; NGX_AGAIN: `done` will be called; else it
/// failed.
[[nodiscard]] ngx_int_t start_tls(ngx_connection_t* c, ngx_ssl_t* tls,
                                  const std::string& name,
                                  ngx_connection_handler_pt done);

/// Why the handshake failed, for a log line; nullptr when it did not.
[[nodiscard]] const char* tls_problem(const ngx_connection_t* c);

/// Frees what start_tls() made.
void end_tls(ngx_connection_t* c);

} // namespace psm::edge
