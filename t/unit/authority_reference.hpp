// SPDX-License-Identifier: BSD-2-Clause
//
// "No one hands out more than he has" (design.md section 7) by brute force: a
// small world of channels, and for every channel, ability and moment one bit
// that says whether a token has it, or a maker may hand it out. A token is
// within an authority when it has no bit that the maker has not. It calls
// nothing of lib.
//
// Grants are words: "main=read" is a resource, "artifact:view" a scope, "@main"
// a channel that scopes reach, "admin" an administrator.

#pragma once

#include "policy_reference.hpp"

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace reference {

struct Grants {
    bool admin = false;
    std::map<std::string, int> resources; // rank of the level
    std::vector<std::string> scopes;
    std::vector<std::string> channels; // none: everywhere
};

/// Who wants to make a token: everything of `bounds` binds him.
struct Maker {
    std::vector<Grants> bounds;
    std::int64_t until = INT64_MAX;
};

struct Wanted {
    Grants grants;
    std::int64_t expires = INT64_MAX;
};

inline Grants parse(const std::string& words)
{
    Grants grants;
    std::istringstream in(words);
    for (std::string word; in >> word;) {
        const auto equals = word.find('=');
        if (word == "admin") {
            grants.admin = true;
        } else if (word.starts_with('@')) {
            grants.channels.push_back(word.substr(1));
        } else if (equals != std::string::npos) {
            grants.resources[word.substr(0, equals)] =
                rank(std::string_view(word).substr(equals + 1));
        } else {
            grants.scopes.push_back(word);
        }
    }
    return grants;
}

inline std::string words_of(const Grants& grants)
{
    static const char* const levels[] = {"none", "read", "write", "manage"};
    std::string words = grants.admin ? "admin " : "";
    for (const auto& [path, level] : grants.resources) {
        words += path + "=" + levels[level] + " ";
    }
    for (const auto& scope : grants.scopes) {
        words += scope + " ";
    }
    for (const auto& path : grants.channels) {
        words += "@" + path + " ";
    }
    return words;
}

using Segments = std::vector<std::string>;

inline const Segments& segments_of(const std::string& path)
{
    static std::map<std::string, Segments> known;
    Segments& segments = known[path];
    if (segments.empty()) {
        std::istringstream in(path);
        for (std::string segment; std::getline(in, segment, '/');) {
            segments.push_back(segment);
        }
    }
    return segments;
}

/// Every channel there is. Nothing but "else" and what ends in "else" may stay
/// unnamed: those stand for all the channels that nobody names.
inline const std::vector<std::string>& world()
{
    static const std::vector<std::string> all = [] {
        std::vector<std::string> paths;
        for (const std::string top : {"main", "main2", "lab", "else"}) {
            paths.push_back(top);
            for (const std::string sub : {"dev", "dev2", "else"}) {
                paths.push_back(top + "/" + sub);
                paths.push_back(top + "/" + sub + "/deep");
                paths.push_back(top + "/" + sub + "/else");
            }
        }
        return paths;
    }();
    return all;
}

/// Whether `place` is the channel `of`, or lies below it.
inline bool lies_in(const std::string& place, const std::string& of)
{
    const Segments& whole = segments_of(place);
    const Segments& wider = segments_of(of);
    return wider.size() <= whole.size() &&
           std::equal(wider.begin(), wider.end(), whole.begin());
}

inline int rank_by_resources(const Grants& grants, const std::string& place)
{
    std::size_t depth = 0;
    int found = 0;
    for (const auto& [path, level] : grants.resources) {
        const std::size_t own = segments_of(path).size();
        if (lies_in(place, path) && own > depth) {
            depth = own;
            found = level;
        }
    }
    return found;
}

inline bool reached(const Grants& grants, const std::string& place)
{
    return grants.channels.empty() ||
           std::ranges::any_of(grants.channels,
                               [&place](const std::string& path) {
                                   return lies_in(place, path);
                               });
}

inline bool has_all(const Grants& grants, const Words& wanted)
{
    return std::ranges::all_of(wanted, [&grants](Word scope) {
        return std::ranges::count(grants.scopes, scope) > 0;
    });
}

inline int rank_by_scopes(const Grants& grants)
{
    if (!has_all(grants, {"artifact:download", "channel:view-artifacts"})) {
        return 0;
    }
    if (!has_all(grants, {"artifact:create"})) {
        return 1;
    }
    return has_all(grants, {"artifact:edit", "artifact:delete", "channel:edit"})
               ? 3
               : 2;
}

// One bit for each level and each scope on each channel. The last ability is
// that of a scope which nobody knows.
inline constexpr std::size_t level_abilities = 3;
inline constexpr std::size_t scope_abilities = 37;
inline constexpr std::size_t abilities = level_abilities + scope_abilities + 1;
inline constexpr std::size_t places = 40;

using Bits = std::bitset<abilities * places>;

inline void add_levels(Bits& bits, std::size_t place, int level)
{
    for (int i = 0; i < level; i++) {
        bits.set(place * abilities + static_cast<std::size_t>(i));
    }
}

inline std::size_t ability_of(const std::string& scope)
{
    std::size_t at = level_abilities;
    for (const auto& row : page()) {
        if (row.first == scope) {
            break;
        }
        at++;
    }
    return at;
}

/// What a token can do.
inline Bits can(const Grants& token)
{
    std::vector<std::size_t> by_scopes;
    for (const auto& scope : token.scopes) {
        by_scopes.push_back(ability_of(scope));
    }
    Bits bits;
    for (std::size_t i = 0; i < places; i++) {
        const std::string& place = world()[i];
        add_levels(bits, i, rank_by_resources(token, place));
        if (reached(token, place)) {
            for (const std::size_t ability : by_scopes) {
                bits.set(i * abilities + ability);
            }
        }
    }
    return bits;
}

/// What one record lets its holder hand out.
inline Bits hands_out(const Grants& maker)
{
    Bits bits;
    if (maker.admin) {
        return bits.set();
    }
    Grants known = maker;
    std::erase_if(known.scopes, [](const std::string& scope) {
        return level_of_scope(scope).empty();
    });
    bits = can(known);
    for (std::size_t i = 0; i < places; i++) {
        if (reached(maker, world()[i])) {
            add_levels(bits, i, rank_by_scopes(known));
        }
    }
    return bits;
}

inline Bits hands_out(const Maker& maker)
{
    Bits bits;
    if (!maker.bounds.empty()) {
        bits.set();
    }
    for (const Grants& bound : maker.bounds) {
        bits &= hands_out(bound);
    }
    return bits;
}

/// Moments between those at which the tokens of a test may expire.
inline constexpr std::int64_t moments[] = {50, 150, 250, 350};
inline constexpr std::int64_t expiries[] = {100, 200, 300, INT64_MAX};

/// `before`: the token that `wanted` replaces, if there is one.
inline bool may_make(const Maker& maker, const Wanted* before,
                     const Wanted& wanted)
{
    const Bits needed = can(wanted.grants);
    const Bits handed = hands_out(maker);
    const Bits kept = before != nullptr ? can(before->grants) : Bits();
    for (const std::int64_t now : moments) {
        Bits allowed;
        if (now < maker.until) {
            allowed |= handed;
        }
        if (before != nullptr && now < before->expires) {
            allowed |= kept;
        }
        if (now < wanted.expires && (needed & ~allowed).any()) {
            return false;
        }
    }
    return true;
}

} // namespace reference
