// SPDX-License-Identifier: BSD-2-Clause

#include "authority.hpp"

#include <algorithm>
#include <initializer_list>

namespace psm {

namespace {

constexpr ScopeSet set_of(std::initializer_list<Scope> members)
{
    ScopeSet set;
    for (const Scope scope : members) {
        set.add(scope);
    }
    return set;
}

// What makes a level makes those below it, too.
constexpr ScopeSet make_read =
    set_of({artifact_download, channel_view_artifacts});
constexpr ScopeSet make_write = make_read | set_of({artifact_create});
constexpr ScopeSet make_manage =
    make_write | set_of({artifact_edit, artifact_delete, channel_edit});

Level level_made_by(ScopeSet held)
{
    if (held.has_all(make_manage)) {
        return Level::manage;
    }
    if (held.has_all(make_write)) {
        return Level::write;
    }
    return held.has_all(make_read) ? Level::read : Level::none;
}

ScopeSet known(const std::vector<std::string>& names)
{
    ScopeSet set;
    for (const std::string& name : names) {
        if (const auto scope = find_scope(name)) {
            set.add(*scope);
        }
    }
    return set;
}

} // namespace

Rights rights_of(const TokenRecord& record)
{
    Rights rights;
    if (record.disabled || record.deleted) {
        return rights;
    }
    if (record.kind == TokenKind::resource) {
        rights.resources = record.resources;
    } else {
        rights.scopes = known(record.scopes);
        rights.channels = record.channels;
    }
    return rights;
}

Rights rights_of(const UserRecord& record)
{
    return {.everything = record.admin,
            .resources = record.resources,
            .scopes = known(record.scopes),
            .channels = record.channels};
}

Level level_on(const Rights& rights, std::string_view channel)
{
    if (rights.everything) {
        return Level::manage;
    }
    const Level granted = granted_level(rights.resources, channel);
    const Level made = level_made_by(rights.scopes);
    return made > granted && reaches(rights.channels, channel) ? made : granted;
}

bool has_scope(const Rights& rights, std::string_view scope)
{
    if (rights.everything) {
        return true;
    }
    const auto found = find_scope(scope);
    return found && rights.scopes.has(*found);
}

Level level_on(const Authority& authority, std::string_view channel)
{
    Level level = authority.bounds.empty() ? Level::none : Level::manage;
    for (const Rights& bound : authority.bounds) {
        level = std::min(level, level_on(bound, channel));
    }
    return level;
}

bool has_scope(const Authority& authority, std::string_view scope)
{
    return !authority.bounds.empty() &&
           std::ranges::all_of(authority.bounds, [scope](const Rights& bound) {
               return has_scope(bound, scope);
           });
}

Reach reach_of(const Authority& authority)
{
    if (authority.bounds.empty()) {
        return {};
    }
    Reach reach{std::vector<std::string>()};
    for (const Rights& bound : authority.bounds) {
        if (!bound.everything) {
            reach = common(reach, Reach(bound.channels));
        }
    }
    return reach;
}

ScopeSet scopes_of(const Authority& authority)
{
    ScopeSet set;
    if (reach_of(authority).nowhere()) {
        return set;
    }
    for (Scope scope = 0; scope < scope_count; scope++) {
        if (has_scope(authority, scopes[scope].name)) {
            set.add(scope);
        }
    }
    return set;
}

} // namespace psm
