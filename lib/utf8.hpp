// SPDX-License-Identifier: BSD-2-Clause
//
// UTF-8, strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace psm {

/// How many bytes the character that `text` begins with has; 0 when that is
/// none.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Of a text that is UTF-8.
[[nodiscard]] std::size_t count_characters(std::string_view text) noexcept;

/// `code` must be a character: at most U+10FFFF, and no surrogate.
void append_utf8(std::string& out, char32_t code);

} // namespace psm
