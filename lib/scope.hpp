// SPDX-License-Identifier: BSD-2-Clause
//
// The 37 scopes of Package Security Manager and the level each stands for:
// one table (psm-tokens-page.txt), from which everything else derives.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace psm {

/// Ordered: each level contains the ones before it.
enum class Level : std::uint8_t { none, read, write, manage };

/// "none", "read", "write", "manage".
[[nodiscard]] std::string_view level_name(Level level) noexcept;

/// read, write or manage; "none" is not a level that can be granted.
[[nodiscard]] std::optional<Level> find_level(std::string_view name) noexcept;

struct ScopeInfo {
    std::string_view name;
    Level level = Level::none;
    /// Whether it acts on a channel; the others are account-wide and out of
    /// reach of resource tokens (design.md section 3).
    bool on_channel = false;
    /// The product page's permission category, for people.
    std::string_view group;
};

/// An index into the table.
using Scope = std::uint8_t;

inline constexpr std::size_t scope_count = 37;

/// In the order of the product page.
extern const std::array<ScopeInfo, scope_count> scopes;

/// The rows that the rules ask for by themselves; scope.cpp proves them.
inline constexpr Scope artifact_create = 0;
inline constexpr Scope artifact_delete = 1;
inline constexpr Scope artifact_download = 2;
inline constexpr Scope artifact_edit = 3;
inline constexpr Scope channel_edit = 7;
inline constexpr Scope channel_view_artifacts = 10;
inline constexpr Scope subchannel_view_artifacts = 21;

/// nullopt for an unknown name: unknown scopes grant nothing.
[[nodiscard]] std::optional<Scope> find_scope(std::string_view name) noexcept;

/// The text before the colon: "channel.group" of "channel.group:edit".
[[nodiscard]] std::string_view scope_category(Scope scope) noexcept;

/// A set of scopes, one bit each in table order.
class ScopeSet {
public:
    constexpr ScopeSet() noexcept = default;

    explicit constexpr ScopeSet(std::uint64_t bits) noexcept : bits_(bits) {}

    constexpr void add(Scope scope) noexcept { bits_ |= bit(scope); }

    [[nodiscard]] constexpr bool has(Scope scope) const noexcept
    {
        return (bits_ & bit(scope)) != 0;
    }

    [[nodiscard]] constexpr bool meets(ScopeSet other) const noexcept
    {
        return (bits_ & other.bits_) != 0;
    }

    [[nodiscard]] constexpr bool has_all(ScopeSet other) const noexcept
    {
        return (bits_ & other.bits_) == other.bits_;
    }

    friend constexpr ScopeSet operator|(ScopeSet a, ScopeSet b) noexcept
    {
        return ScopeSet(a.bits_ | b.bits_);
    }

    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }

    [[nodiscard]] constexpr std::uint64_t bits() const noexcept
    {
        return bits_;
    }

private:
    static constexpr std::uint64_t bit(Scope scope) noexcept
    {
        return std::uint64_t{1} << scope;
    }

    std::uint64_t bits_ = 0;
};

/// The scopes of which any one gives the action `wanted`, and those of which
/// any one gives `level` over a channel's content: see gives, gives_level.
[[nodiscard]] ScopeSet givers(Scope wanted, bool by_level) noexcept;
[[nodiscard]] ScopeSet level_givers(Level level, bool by_level) noexcept;

/// The highest level among the scopes that act on a channel.
[[nodiscard]] Level channel_level(ScopeSet held) noexcept;

/// Whether the set gives the action `wanted`. With `by_level`, a scope also
/// gives every action of its own category at or below its level (the literal
/// reading of the product page; psm_token_scope_levels on).
[[nodiscard]] bool gives(ScopeSet held, Scope wanted, bool by_level) noexcept;

/// Whether the set holds a scope of `level` in the category artifact,
/// channel or subchannel, channel:create apart: what `psm_token_require
/// read|write|manage` asks of a scope token. With `by_level`, of that level
/// or a higher one.
[[nodiscard]] bool gives_level(ScopeSet held, Level level,
                               bool by_level) noexcept;

} // namespace psm
