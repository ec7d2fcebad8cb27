// SPDX-License-Identifier: BSD-2-Clause
//
// T106: nobody can make a token that does on any channel what he may not hand
// out there, and whoever may is not refused: random makers and tokens, judged
// as the reference model judges them. A case that fails is named by its seed.

#include "authority_dice.hpp"
#include "authority_samples.hpp"
#include "check.hpp"

#include <bit>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using dice::Dice;
using reference::Grants;
using reference::Maker;
using reference::Wanted;

constexpr std::uint64_t cases_of_each = 2500;
constexpr std::uint64_t often = cases_of_each / 20;

struct Tally {
    std::uint64_t allowed = 0;
    std::uint64_t refused = 0;
};

std::string time_word(std::int64_t time)
{
    return time == psm::never_expires ? "never" : std::to_string(time);
}

std::string describe(std::uint64_t seed, const Maker& maker,
                     const Wanted* before, const Wanted& wanted)
{
    std::string text = "seed " + std::to_string(seed) + ": ";
    for (const Grants& bound : maker.bounds) {
        text += "bound [" + reference::words_of(bound) + "] ";
    }
    text += "until " + time_word(maker.until);
    if (before != nullptr) {
        text += ", before [" + reference::words_of(before->grants) +
                "] until " + time_word(before->expires);
    }
    return text + ", wants [" + reference::words_of(wanted.grants) +
           "] until " + time_word(wanted.expires);
}

/// Whatever is told names a part of the wanted token, with a reason.
void check_told(const std::string& label, const std::vector<psm::Excess>& found,
                const Grants& wanted)
{
    for (const psm::Excess& excess : found) {
        const bool named =
            excess.field == "resources"
                ? wanted.resources.contains(excess.value)
            : excess.field == "scopes"
                ? std::ranges::count(wanted.scopes, excess.value) == 1
            : excess.field == "channels"
                ? (excess.value.empty()
                       ? wanted.channels.empty()
                       : std::ranges::count(wanted.channels, excess.value) == 1)
                : excess.field == "expires_at" && excess.value.empty();
        check_that(label, named && !excess.why.empty());
    }
}

void check_case(std::uint64_t seed, const Maker& maker, const Wanted* before,
                const Wanted& wanted, Tally& tally)
{
    const std::string label = describe(seed, maker, before, wanted);
    const psm::Authority authority = samples::authority(maker);
    const psm::TokenRecord record = samples::token(wanted);
    const auto found =
        before == nullptr
            ? psm::excess(authority, record)
            : psm::excess(authority, samples::token(*before), record);
    const bool may = reference::may_make(maker, before, wanted);
    check_same(label, found.empty() ? "may" : "may not",
               may ? "may" : "may not");
    check_told(label, found, wanted.grants);
    (may ? tally.allowed : tally.refused)++;
}

/// What a form would offer is what the model has.
void check_offers(std::uint64_t seed, const Maker& maker)
{
    const std::string label = describe(seed, maker, nullptr, {});
    const psm::Authority authority = samples::authority(maker);
    const reference::Bits bits = reference::hands_out(maker);
    for (const std::string& path : reference::world()) {
        check_equal(label + " on " + path, psm::level_on(authority, path),
                    dice::rank_in(bits, path));
    }
    for (std::size_t i = 0; i < psm::scope_count; i++) {
        bool somewhere = false;
        for (std::size_t place = 0; place < reference::places; place++) {
            somewhere |= bits[place * reference::abilities +
                              reference::level_abilities + i];
        }
        check_equal(label + " scope " + std::to_string(i),
                    psm::scopes_of(authority).has(static_cast<psm::Scope>(i)),
                    somewhere);
    }
}

void check_tally(const char* what, const Tally& tally)
{
    print_message("%s: %llu allowed, %llu refused\n", what,
                  static_cast<unsigned long long>(tally.allowed),
                  static_cast<unsigned long long>(tally.refused));
    check_that(what, tally.allowed >= often && tally.refused >= often);
}

/// All cases of one kind of maker: new tokens, and edits of others' tokens.
void check_makers(const char* what, std::uint64_t first_seed,
                  Maker (*make)(Dice&))
{
    Tally created;
    Tally changed;
    for (std::uint64_t i = 0; i < cases_of_each; i++) {
        const std::uint64_t seed = first_seed + i;
        Dice dice(seed);
        Maker maker = make(dice);
        maker.until = dice.of(reference::expiries);
        const bool by_scopes = dice.one_in(2);
        Wanted wanted;
        wanted.grants = dice.one_in(4) ? dice::token(dice, by_scopes)
                                       : dice::near(dice, maker, by_scopes);
        wanted.expires =
            dice.one_in(3) ? dice.of(reference::expiries) : maker.until;
        check_case(seed, maker, nullptr, wanted, created);

        Wanted before;
        before.grants = dice::token(dice, dice.one_in(12) != by_scopes);
        before.expires = dice.of(reference::expiries);
        wanted.grants = dice::edited(dice, before.grants, wanted.grants);
        if (wanted.grants.resources.empty() == wanted.grants.scopes.empty()) {
            wanted.grants = before.grants;
        }
        wanted.expires =
            dice.one_in(3) ? dice.of(reference::expiries) : before.expires;
        check_case(seed, maker, &before, wanted, changed);
        if (seed % 10 == 0) {
            check_offers(seed, maker);
        }
    }
    check_tally(what, created);
    check_tally("edits", changed);
}

void resource_makers(void** /*state*/)
{
    check_makers("resource makers", 1000000, [](Dice& dice) {
        return Maker{.bounds = {dice::token(dice, false)}};
    });
}

void scope_makers(void** /*state*/)
{
    check_makers("scope makers", 2000000, [](Dice& dice) {
        return Maker{.bounds = {dice::token(dice, true)}};
    });
}

void users_with_both(void** /*state*/)
{
    check_makers("users", 3000000, [](Dice& dice) {
        return Maker{.bounds = {dice::user(dice)}};
    });
}

void tokens_of_users(void** /*state*/)
{
    check_makers("two bounds", 4000000, [](Dice& dice) {
        Maker maker{.bounds = {dice::token(dice, dice.one_in(2))}};
        maker.bounds.push_back(dice::user(dice));
        return maker;
    });
}

void similar_bounds(void** /*state*/)
{
    // Two that have much in common, as a user and his own token do.
    check_makers("similar bounds", 5000000, [](Dice& dice) {
        Maker maker{.bounds = {dice::user(dice)}};
        Grants second = maker.bounds.front();
        second.admin = false;
        for (const auto& [path, level] : dice::user(dice).resources) {
            second.resources[path] = level;
        }
        if (dice.one_in(2) && !second.scopes.empty()) {
            second.scopes.pop_back();
            dice::add_channels(dice, second);
        }
        maker.bounds.push_back(second);
        return maker;
    });
}

void nobody(void** /*state*/)
{
    Tally tally;
    for (std::uint64_t seed = 6000000; seed < 6000200; seed++) {
        Dice dice(seed);
        Wanted wanted;
        wanted.grants = dice::token(dice, dice.one_in(2));
        check_case(seed, {}, nullptr, wanted, tally);
    }
    check_equal("allowed", tally.allowed, 0);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(resource_makers), cmocka_unit_test(scope_makers),
        cmocka_unit_test(users_with_both), cmocka_unit_test(tokens_of_users),
        cmocka_unit_test(similar_bounds),  cmocka_unit_test(nobody),
    };
    return cmocka_run_group_tests_name("authority_property", tests, nullptr,
                                       nullptr);
}
