// SPDX-License-Identifier: BSD-2-Clause
//
// What the gate keeps of a token record: a packed run of bytes that a cache
// can hold in one block and a request can copy with one memcpy.
//
//     expires | scopes | flags | kind | lengths | id | name | owner | grants
//     grant = level, length, channel path         (resource token: resources;
//                                                  scope token: its reach)
//
// An Identity is a view: the bytes belong to whoever holds them, and must
// come from pack(). Reading never allocates and never fails.

#pragma once

#include "scope.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace psm {

struct TokenRecord;

enum class TokenKind : std::uint8_t { resource, scope };

/// Unix seconds of a token that never expires.
inline constexpr std::int64_t never_expires = INT64_MAX;

class Identity {
public:
    Identity() noexcept = default;

    explicit Identity(std::string_view packed) noexcept : bytes_(packed) {}

    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

    [[nodiscard]] TokenKind kind() const noexcept;
    [[nodiscard]] bool disabled() const noexcept; // or a tombstone
    [[nodiscard]] std::int64_t expires() const noexcept;
    [[nodiscard]] ScopeSet scopes() const noexcept;
    [[nodiscard]] std::string_view id() const noexcept;
    [[nodiscard]] std::string_view name() const noexcept;
    [[nodiscard]] std::string_view owner() const noexcept;

    /// The most specific grant that covers a channel. An empty path means
    /// that none does.
    struct Grant {
        std::string_view path{};
        Level level = Level::none;
    };

    /// For a resource token: what it may do on `channel`.
    [[nodiscard]] Grant grant_on(std::string_view channel) const noexcept;

    /// For a scope token: whether its reach holds `channel` (it does when
    /// the record names no channels).
    [[nodiscard]] bool reaches(std::string_view channel) const noexcept;

private:
    std::string_view bytes_;
};

/// Packs what the gate needs of `record`.
[[nodiscard]] std::string pack(const TokenRecord& record);

} // namespace psm
