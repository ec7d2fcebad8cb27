// SPDX-License-Identifier: BSD-2-Clause
//
// The headers that carry tokens: reading them, and taking them out of the
// request so that no upstream sees them.

#pragma once

#include "ngx.hpp"
#include "request.hpp"

namespace psm::edge {

/// Reads the carriers of the request and sets who it claims to be: the
/// digest and Standing::unavailable (to be looked up), or a standing that
/// needs no look-up. NGX_OK, or the status to answer with: 400 when a header
/// carrier stands there twice, 500.
ngx_int_t identify(Request* request);

/// Takes the headers that were read as a token out of the request. False when
/// memory is short.
[[nodiscard]] bool drop_token_headers(Request* request);

/// A value that is hidden and not passed on: a token, what stands for one,
/// or one of ours with a typing error, which is nearly a token.
[[nodiscard]] bool reads_as_token(const Credential& credential);

/// The carriers that a header's name (in lower case) can hold; 0 when none.
[[nodiscard]] CarrierSet carriers_of_header(std::string_view lowcase_name);

} // namespace psm::edge
