// SPDX-License-Identifier: BSD-2-Clause
//
// Hiding tokens in text that something depends on: the URI that is served,
// its arguments, a user name. mask.hpp hides whatever begins as a token; here
// plain text is one only at the full length of a token, so that a package may
// be called psm-authentication. Percent-encoded text is judged as mask.hpp
// does. Works in place, keeps the length, allocates nothing.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace psm {

/// Overwrites whole tokens of ours and every copy of `known` with '*';
/// returns how many runs it hid.
std::size_t mask_whole_tokens(std::span<char> text,
                              std::string_view known = {}) noexcept;

/// True when mask_whole_tokens would hide something.
[[nodiscard]] bool has_whole_token(std::string_view text) noexcept;

} // namespace psm
