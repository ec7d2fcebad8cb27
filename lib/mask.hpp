// SPDX-License-Identifier: BSD-2-Clause
//
// Hiding tokens in text that was not parsed: a Referer, a query, a request
// line that nginx refused. Masking overwrites in place with '*' and keeps
// the length, so it works on nginx's own buffers.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace psm {

/// Overwrites every run that has the shape of one of our tokens ("psm-" and
/// at least 12 of its characters), each character percent-encoded or not,
/// and every copy of `known` (a token of any issuer; may be empty). Returns
/// how many runs it hid.
std::size_t mask_token_text(std::span<char> text,
                            std::string_view known = {}) noexcept;

/// As mask_token_text, and also every segment that follows a segment `t`:
/// what a URL's token looks like whatever its issuer. Slashes and `t` may be
/// percent-encoded.
std::size_t mask_token_url(std::span<char> text,
                           std::string_view known = {}) noexcept;

/// True when mask_token_text would hide something.
[[nodiscard]] bool has_token_text(std::string_view text,
                                  std::string_view known = {}) noexcept;

} // namespace psm
