// SPDX-License-Identifier: BSD-2-Clause
//
// The text of a token: what one looks like, how one is made (design: 36
// random base62 characters between "psm-" and a 6-character CRC-32).
//
// The alphabet is [A-Za-z0-9-] and nothing else because conda cuts a token
// in a URL at any other character. The checksum is a filter against typing
// errors and scanners' noise, not a secret: it saves Redis a look-up.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace psm {

inline constexpr std::string_view token_prefix = "psm-";
inline constexpr std::size_t token_checksum_length = 6;
inline constexpr std::size_t token_length = 46;

/// Stands in our own examples for a token that is not known.
inline constexpr std::string_view token_placeholder = "TOKEN";

/// Limits of a token that another system issued (TokenFormat::any).
inline constexpr std::size_t min_foreign_token_length = 16;
inline constexpr std::size_t max_token_length = 128;

/// psm: only tokens of our own form. any: also 16 to 128 characters of the
/// alphabet, whatever they mean to their issuer.
enum class TokenFormat : std::uint8_t { psm, any };

enum class TokenShape : std::uint8_t {
    well_formed, // worth a look-up
    placeholder, // what a client writes in place of a token it masked
    malformed,
};

/// A well-formed token of our own form.
[[nodiscard]] bool is_own_token(std::string_view text) noexcept;

/// Whether one stands anywhere in `text`.
[[nodiscard]] bool holds_own_token(std::string_view text) noexcept;

/// Says what `text` is; it is taken as it stands, already percent-decoded.
[[nodiscard]] TokenShape classify_token(std::string_view text,
                                        TokenFormat format) noexcept;

/// The 6 characters that follow `head` ("psm-" and 36 characters): CRC-32 as
/// zlib computes it, in base62 with digits 0-9A-Za-z, most significant
/// first, left-padded with 0.
[[nodiscard]] std::array<char, token_checksum_length>
token_checksum(std::string_view head) noexcept;

/// A new token from OpenSSL's CSPRNG, every character equally likely.
/// Throws std::runtime_error when the generator fails.
[[nodiscard]] std::string generate_token();

} // namespace psm
