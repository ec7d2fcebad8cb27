// SPDX-License-Identifier: BSD-2-Clause
//
// The table is the only list of scopes in the code. What a scope gives is
// worked out from it by the compiler, as one set of givers per action, so
// that a decision is one AND of two words.

#include "scope.hpp"

namespace psm {

namespace {

constexpr std::string_view level_names[] = {"none", "read", "write", "manage"};

constexpr std::size_t level_count = std::size(level_names);

} // namespace

// clang-format off
constexpr std::array<ScopeInfo, scope_count> scopes{{
    // name                         level          on_channel  group
    {"artifact:create",              Level::write,  true,  "Artifacts"},
    {"artifact:delete",              Level::manage, true,  "Artifacts"},
    {"artifact:download",            Level::read,   true,  "Artifacts"},
    {"artifact:edit",                Level::manage, true,  "Artifacts"},
    {"artifact:view",                Level::read,   true,  "Artifacts"},
    {"channel:create",               Level::write,  false, "Channels"},
    {"channel:delete",               Level::manage, true,  "Channels"},
    {"channel:edit",                 Level::manage, true,  "Channels"},
    {"channel:history",              Level::manage, true,  "Channels"},
    {"channel:view",                 Level::read,   true,  "Channels"},
    {"channel:view-artifacts",       Level::read,   true,  "Channels"},
    {"channel.default-channel:edit", Level::manage, false, "Default Channel"},
    {"channel.group:edit",           Level::manage, true,  "Channel groups"},
    {"channel.group:view",           Level::read,   true,  "Channel groups"},
    {"channel.mirror:edit",          Level::manage, true,  "Channel mirrors"},
    {"channel.mirror:view",          Level::manage, true,  "Channel mirrors"},
    {"subchannel:create",            Level::manage, true,  "Subchannels"},
    {"subchannel:delete",            Level::manage, true,  "Subchannels"},
    {"subchannel:edit",              Level::manage, true,  "Subchannels"},
    {"subchannel:history",           Level::manage, true,  "Subchannels"},
    {"subchannel:view",              Level::read,   true,  "Subchannels"},
    {"subchannel:view-artifacts",    Level::read,   true,  "Subchannels"},
    {"subchannel.group:edit",        Level::manage, true,  "Subchannel groups"},
    {"subchannel.group:view",        Level::read,   true,  "Subchannel groups"},
    {"subchannel.mirror:edit",       Level::manage, true,  "Subchannel mirrors"},
    {"subchannel.mirror:view",       Level::manage, true,  "Subchannel mirrors"},
    {"mirror:view",                  Level::manage, false, "Mirrors"},
    {"system.license:edit",          Level::manage, false, "Licenses"},
    {"system.license:view",          Level::manage, false, "Licenses"},
    {"cve:edit",                     Level::manage, false, "CVEs"},
    {"cve:view",                     Level::read,   false, "CVEs"},
    {"role:edit",                    Level::manage, false, "Roles"},
    {"role:view",                    Level::read,   false, "Roles"},
    {"system.settings:edit",         Level::manage, false, "System blobs"},
    {"system:delete-blobs",          Level::manage, false, "System blobs"},
    {"user.token:edit",              Level::manage, false, "Tokens"},
    {"user.token:view",              Level::manage, false, "Tokens"},
}};
// clang-format on

static_assert(scopes[artifact_create].name == "artifact:create");
static_assert(scopes[artifact_delete].name == "artifact:delete");
static_assert(scopes[artifact_download].name == "artifact:download");
static_assert(scopes[artifact_edit].name == "artifact:edit");
static_assert(scopes[channel_edit].name == "channel:edit");
static_assert(scopes[channel_view_artifacts].name == "channel:view-artifacts");
static_assert(scopes[subchannel_view_artifacts].name ==
              "subchannel:view-artifacts");

namespace {

constexpr std::string_view category_of(std::string_view name)
{
    return name.substr(0, name.find(':'));
}

/// Whether holding `held` gives `wanted` when levels count.
constexpr bool implies(const ScopeInfo& held, const ScopeInfo& wanted)
{
    return category_of(held.name) == category_of(wanted.name) &&
           held.level >= wanted.level;
}

using GiverTable = std::array<ScopeSet, scope_count>;

constexpr GiverTable make_givers()
{
    GiverTable table{};
    for (Scope wanted = 0; wanted < scope_count; wanted++) {
        for (Scope held = 0; held < scope_count; held++) {
            if (implies(scopes[held], scopes[wanted])) {
                table[wanted].add(held);
            }
        }
    }
    return table;
}

/// channel:create makes a channel, it gives nothing over one that exists.
constexpr bool is_over_content(const ScopeInfo& scope)
{
    const std::string_view category = category_of(scope.name);
    return scope.name != "channel:create" &&
           (category == "artifact" || category == "channel" ||
            category == "subchannel");
}

struct LevelTable {
    std::array<ScopeSet, level_count> on_channel; // of that level, any kind
    std::array<ScopeSet, level_count> exactly;    // over content
    std::array<ScopeSet, level_count> at_least;   // over content
};

constexpr LevelTable make_levels()
{
    LevelTable table{};
    for (Scope scope = 0; scope < scope_count; scope++) {
        const ScopeInfo& info = scopes[scope];
        const auto level = static_cast<std::size_t>(info.level);
        if (info.on_channel) {
            table.on_channel[level].add(scope);
        }
        if (!is_over_content(info)) {
            continue;
        }
        table.exactly[level].add(scope);
        for (std::size_t below = 1; below <= level; below++) {
            table.at_least[below].add(scope);
        }
    }
    return table;
}

constexpr GiverTable givers_by_level = make_givers();
constexpr LevelTable levels = make_levels();

} // namespace

std::string_view level_name(Level level) noexcept
{
    return level_names[static_cast<std::size_t>(level)];
}

std::optional<Level> find_level(std::string_view name) noexcept
{
    for (std::size_t i = 1; i < level_count; i++) {
        if (name == level_names[i]) {
            return static_cast<Level>(i);
        }
    }
    return std::nullopt;
}

std::optional<Scope> find_scope(std::string_view name) noexcept
{
    for (Scope scope = 0; scope < scope_count; scope++) {
        if (name == scopes[scope].name) {
            return scope;
        }
    }
    return std::nullopt;
}

std::string_view scope_category(Scope scope) noexcept
{
    return category_of(scopes[scope].name);
}

ScopeSet givers(Scope wanted, bool by_level) noexcept
{
    if (by_level) {
        return givers_by_level[wanted];
    }
    ScopeSet only;
    only.add(wanted);
    return only;
}

ScopeSet level_givers(Level level, bool by_level) noexcept
{
    const auto at = static_cast<std::size_t>(level);
    return by_level ? levels.at_least[at] : levels.exactly[at];
}

Level channel_level(ScopeSet held) noexcept
{
    for (std::size_t level = level_count - 1; level > 0; level--) {
        if (held.meets(levels.on_channel[level])) {
            return static_cast<Level>(level);
        }
    }
    return Level::none;
}

bool gives(ScopeSet held, Scope wanted, bool by_level) noexcept
{
    return held.meets(givers(wanted, by_level));
}

bool gives_level(ScopeSet held, Level level, bool by_level) noexcept
{
    return held.meets(level_givers(level, by_level));
}

} // namespace psm
