// SPDX-License-Identifier: BSD-2-Clause
//
// Makers and tokens at random, the same for the same seed. Half of what is
// wanted is made of what the maker may hand out, so that both answers occur
// often and many cases lie close to the border.

#pragma once

#include "authority_reference.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace dice {

using reference::Grants;
using reference::Maker;
using reference::Wanted;

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}

    std::size_t below(std::size_t n) { return engine_() % n; }

    bool one_in(std::size_t n) { return below(n) == 0; }

    template <typename List>
    auto of(const List& list)
    {
        return list[below(std::size(list))];
    }

private:
    std::mt19937_64 engine_;
};

/// Of what `world` has, all that may be named.
inline const std::vector<std::string>& names()
{
    static const std::vector<std::string> all = [] {
        std::vector<std::string> paths = reference::world();
        std::erase_if(paths, [](const std::string& path) {
            return path.find("else") != std::string::npos;
        });
        return paths;
    }();
    return all;
}

template <typename T>
void add_once(std::vector<T>& list, const T& value)
{
    if (std::ranges::count(list, value) == 0) {
        list.push_back(value);
    }
}

inline void add_resources(Dice& dice, Grants& grants)
{
    for (std::size_t i = 0, n = 1 + dice.below(4); i < n; i++) {
        grants.resources[dice.of(names())] =
            1 + static_cast<int>(dice.below(3));
    }
}

inline void add_channels(Dice& dice, Grants& grants)
{
    for (std::size_t i = 0, n = 1 + dice.below(3); i < n; i++) {
        add_once(grants.channels, dice.of(names()));
    }
}

inline void add_scopes(Dice& dice, Grants& grants)
{
    static const std::vector<std::string> makers{
        "artifact:download", "channel:view-artifacts", "artifact:create",
        "artifact:edit",     "artifact:delete",        "channel:edit"};
    static constexpr std::size_t of_level[] = {0, 2, 3, 6};
    grants.scopes.assign(makers.begin(),
                         makers.begin() +
                             static_cast<std::ptrdiff_t>(dice.of(of_level)));
    if (!grants.scopes.empty() && dice.one_in(4)) {
        grants.scopes.erase(grants.scopes.begin());
    }
    for (std::size_t i = 0, n = 1 + dice.below(3); i < n; i++) {
        add_once(grants.scopes, std::string(dice.of(reference::page()).first));
    }
    if (dice.one_in(12)) {
        grants.scopes.emplace_back("made:up");
    }
    if (dice.one_in(2)) {
        add_channels(dice, grants);
    }
}

inline Grants user(Dice& dice)
{
    Grants grants;
    grants.admin = dice.one_in(10);
    if (!dice.one_in(4)) {
        add_resources(dice, grants);
    }
    if (!dice.one_in(4)) {
        add_scopes(dice, grants);
    }
    return grants;
}

inline Grants token(Dice& dice, bool by_scopes)
{
    Grants grants;
    (by_scopes ? add_scopes : add_resources)(dice, grants);
    return grants;
}

/// The level that `bits` have at a place.
inline int rank_in(const reference::Bits& bits, const std::string& path)
{
    const auto at = std::ranges::find(reference::world(), path) -
                    reference::world().begin();
    int rank = 0;
    for (int i = 0; i < 3; i++) {
        rank += bits[static_cast<std::size_t>(at) * reference::abilities +
                     static_cast<std::size_t>(i)];
    }
    return rank;
}

/// Levels that may be handed out, nearly always, and mostly with what has to
/// be lower below them.
inline void add_near_resources(Dice& dice, const Maker& maker, Grants& wanted)
{
    const reference::Bits bits = reference::hands_out(maker);
    const bool careful = !dice.one_in(4);
    for (std::size_t i = 0, n = 1 + dice.below(3); i < n; i++) {
        const std::string path = dice.of(names());
        const int held = rank_in(bits, path);
        const int level =
            held + (dice.one_in(8) ? 1 : 0) - (dice.one_in(4) ? 1 : 0);
        if (level < 1 || level > 3) {
            continue;
        }
        wanted.resources[path] = level;
        for (const std::string& below : names()) {
            const int there = rank_in(bits, below);
            if (careful && reference::lies_in(below, path) && there > 0 &&
                there < level) {
                wanted.resources[below] = there;
            }
        }
    }
}

/// Scopes and reach that are the maker's, nearly always.
inline void add_near_scopes(Dice& dice, const Maker& maker, Grants& wanted)
{
    const Grants& bound = dice.of(maker.bounds);
    const Grants& other = dice.of(maker.bounds);
    for (const auto& scope : bound.scopes) {
        const bool shared =
            other.admin || std::ranges::count(other.scopes, scope) > 0;
        if ((shared || dice.one_in(8)) && !dice.one_in(3)) {
            add_once(wanted.scopes, scope);
        }
    }
    if (wanted.scopes.empty() || dice.one_in(8)) {
        add_once(wanted.scopes, std::string(dice.of(reference::page()).first));
    }
    for (const std::string& path : names()) {
        const bool shared =
            reference::reached(bound, path) && reference::reached(other, path);
        if (shared ? dice.one_in(3) : dice.one_in(40)) {
            add_once(wanted.channels, path);
        }
    }
    if (dice.one_in(4)) {
        wanted.channels.clear();
    }
}

inline Grants near(Dice& dice, const Maker& maker, bool by_scopes)
{
    Grants wanted;
    if (!maker.bounds.empty()) {
        (by_scopes ? add_near_scopes : add_near_resources)(dice, maker, wanted);
    }
    const bool empty = wanted.resources.empty() && wanted.scopes.empty();
    return empty ? token(dice, by_scopes) : wanted;
}

/// What an edit may want: some of the old, some of the new.
inline Grants edited(Dice& dice, const Grants& before, const Grants& added)
{
    Grants wanted = dice.one_in(3) ? Grants() : added;
    for (const auto& grant : before.resources) {
        if (!dice.one_in(6)) {
            wanted.resources.insert(grant);
        }
    }
    for (const auto& scope : before.scopes) {
        if (!dice.one_in(6)) {
            add_once(wanted.scopes, scope);
        }
    }
    const bool everywhere =
        wanted.channels.empty() && !wanted.scopes.empty() && dice.one_in(4);
    for (const auto& path : before.channels) {
        if (!everywhere) {
            add_once(wanted.channels, path);
        }
    }
    const bool empty = wanted.resources.empty() && wanted.scopes.empty();
    return empty ? before : wanted;
}

} // namespace dice
