// SPDX-License-Identifier: BSD-2-Clause
//
// The headers that carry tokens: reading them, and taking them out of the
// request so that no upstream sees them.

#pragma once

#include "ngx.hpp"
#include "request.hpp"

#include <optional>
#include <string>

namespace psm::edge {

/// Reads the carriers of the request that are `enabled` and sets who it claims
/// to be: the digest and Standing::unavailable (to be looked up), or a standing
/// that needs no look-up. NGX_OK, or the status to answer with: 400 when a
/// header carrier stands there twice, 500.
ngx_int_t identify(Request* request, CarrierSet enabled);

/// Takes the headers that were read as a token out of the request. False when
/// memory is short.
[[nodiscard]] bool drop_token_headers(Request* request);

/// Whether a carrier header with this value is hidden and not passed on. It
/// is where `credential`, which was read from it, is a token, what stands for
/// one, or one of ours with a typing error, which is nearly a token; or where
/// one of ours is anywhere in it, in `decoded` (the scratch of a Basic value)
/// too: "Basic TOKEN:secret" shows it as well.
[[nodiscard]] bool holds_token(const std::optional<Credential>& credential,
                               std::string_view value,
                               std::string_view decoded);

/// Keeps auth_basic from seeing a user that is a token: it would write it to
/// the error log.
void hide_token_user(ngx_http_request_t* r);

/// The carriers that a header's name (in lower case) can hold; 0 when none.
[[nodiscard]] CarrierSet carriers_of_header(std::string_view name);

/// Whether the request has a header of this name (in lower case).
[[nodiscard]] bool has_request_header(ngx_http_request_t* r,
                                      std::string_view name);

/// What all request headers of this name (in lower case) say, joined by
/// commas; empty when there is none. May throw.
[[nodiscard]] std::string joined_header(ngx_http_request_t* r,
                                        std::string_view name);

} // namespace psm::edge
