// SPDX-License-Identifier: BSD-2-Clause
//
// The places of a request where a token may stand, and what several of them
// say together (design.md section 2, "Where a token may stand").
//
//     Claim claim;
//     claim.add(read_plain_header(Carrier::x_auth, value, format));
//     if (claim.verdict() == Verdict::token) { ... claim.token() ... }
//
// A Claim keeps views: the texts it was given must outlive it.

#pragma once

#include "token.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace psm {

enum class Carrier : std::uint8_t {
    path,
    bearer,
    token,
    basic,
    x_auth,
    x_api_key,
};

/// The names of the psm_token_carriers directive, in the order of Carrier.
inline constexpr std::array<std::string_view, 6> carrier_names{
    "path", "bearer", "token", "basic", "x-auth", "x-api-key"};

/// A set of carriers: bit 1 << Carrier.
using CarrierSet = std::uint8_t;

constexpr CarrierSet carrier_bit(Carrier c) noexcept
{
    return static_cast<CarrierSet>(1U << static_cast<unsigned>(c));
}

inline constexpr CarrierSet all_carriers = 0x3f;

/// What one carrier holds. `text` is the candidate, never the whole header.
struct Credential {
    Carrier carrier{};
    TokenShape shape = TokenShape::malformed;
    std::string_view text;
};

/// A decoded "user:password" that fits is at most this long; a longer one is
/// malformed.
inline constexpr std::size_t max_basic_length = 512;

/// Reads the value of an Authorization header. nullopt: its scheme is no
/// carrier, or none of `enabled`. `scratch` (max_basic_length characters)
/// receives a decoded Basic value; the credential may point into it, and the
/// caller wipes it. Basic: the password is the token; the user is, when the
/// password is empty or "x-auth-token" (what pip and twine send).
[[nodiscard]] std::optional<Credential>
read_authorization(std::string_view value, CarrierSet enabled,
                   TokenFormat format, std::span<char> scratch) noexcept;

/// Reads X-Auth and X-API-Key: the value is the token, blanks around it
/// apart.
[[nodiscard]] Credential read_plain_header(Carrier carrier,
                                           std::string_view value,
                                           TokenFormat format) noexcept;

enum class Verdict : std::uint8_t {
    none,      // no carrier held anything
    token,     // exactly one well-formed token, perhaps several times
    ambiguous, // two different well-formed ones
    masked,    // a placeholder that counts
    malformed, // something that counts and is no token
};

/// Gathers the credentials of one request. What a path holds always counts;
/// what a header holds counts when it is well-formed, or when no carrier
/// holds a well-formed token: netrc adds a Basic of its own to requests that
/// already carry a token.
class Claim {
public:
    void add(const Credential& credential) noexcept;

    [[nodiscard]] Verdict verdict() const noexcept;

    /// The well-formed token seen first; empty when there was none.
    [[nodiscard]] std::string_view token() const noexcept { return token_; }

    /// Lets token() show a copy of itself that lives longer.
    void keep(std::string_view copy) noexcept { token_ = copy; }

private:
    std::string_view token_;
    bool ambiguous_ = false;
    bool path_masked_ = false;
    bool path_malformed_ = false;
    bool header_masked_ = false;
    bool header_malformed_ = false;
};

} // namespace psm
