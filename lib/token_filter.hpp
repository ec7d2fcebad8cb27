// SPDX-License-Identifier: BSD-2-Clause
//
// A token as it is stored, and which of them somebody wants to see: the
// filters of `psm-token list` and of GET /account/tokens.

#pragma once

#include "record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace psm {

struct StoredToken {
    std::string digest; // hexadecimal
    std::string json;   // the record, byte for byte
    TokenRecord record;
    std::optional<std::string> problem; // the record breaks the rules: why
    std::optional<std::int64_t> last_used{};
};

enum class TokenState : std::uint8_t { active, expired, disabled, deleted };

/// "active" and so on.
[[nodiscard]] std::string_view state_name(TokenState state) noexcept;

[[nodiscard]] TokenState state_of(const TokenRecord& record,
                                  std::int64_t now) noexcept;

/// All that is set must hold.
struct TokenFilter {
    std::string owner{};
    /// A channel path: tokens with a grant that covers it, or whose scopes
    /// reach it.
    std::string channel{};
    std::string scope{}; // tokens that name it
    std::string text{};  // in name, owner or description,
                         // without regard to ASCII case
    std::optional<TokenKind> kind{};
    std::optional<TokenState> state{};
    std::optional<std::int64_t> expiring{}; // active, ends within so many s
    std::optional<std::int64_t> unused{};   // not used, nor made, for so many s

    friend bool operator==(const TokenFilter&, const TokenFilter&) = default;
};

[[nodiscard]] bool matches(const TokenFilter& filter, const StoredToken& token,
                           std::int64_t now);

} // namespace psm
