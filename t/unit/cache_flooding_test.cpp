// SPDX-License-Identifier: BSD-2-Clause
//
// T78: whoever chooses the keys cannot make a chain long, because he does not
// know the seed. A find() goes along one chain, so that the longest chain is
// the cost of the worst look-up: counted here by the hash that places entries.

#include "check.hpp"

#include "../../lib/cache.hpp"
#include "../../lib/token.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using psm::Cache;
using Names = std::vector<std::string>;

// The worker's is random; these stand for it. The attacker's own cache, on
// which he may try what he likes, has another.
constexpr std::uint64_t seeds[] = {0, 1, 0x1234, 0xfeedfacecafebeef};
constexpr std::uint64_t known_seed = 42;

/// As many slots as the table would have for so many entries.
std::size_t slots_for(std::size_t entries)
{
    std::size_t slots = 16;
    while (slots < entries) {
        slots *= 2;
    }
    return slots;
}

std::size_t longest_chain(const Cache& cache, const Names& keys)
{
    std::vector<std::size_t> chains(slots_for(keys.size()));
    for (const auto& key : keys) {
        chains[cache.hash(key) & (chains.size() - 1)]++;
    }
    return *std::max_element(chains.begin(), chains.end());
}

/// Random keys give 8 or 9 for a hundred thousand; 16 is one in 10^13.
void check_flat(std::string_view what, const Names& keys, Cache::Keys kind)
{
    for (const auto seed : seeds) {
        const Cache cache(100000, seed, kind);
        const std::size_t longest = longest_chain(cache, keys);
        if (longest >= 16) {
            print_error("seed %llx: a chain of %zu of %zu\n",
                        static_cast<unsigned long long>(seed), longest,
                        keys.size());
        }
        check_that(what, longest < 16);
    }
}

Names numbered(std::string_view before, std::string_view behind, int count)
{
    Names names;
    for (int i = 0; i < count; i++) {
        names.push_back(
            std::string(before).append(std::to_string(i)).append(behind));
    }
    return names;
}

void names_that_differ_little_are_spread(void**)
{
    const std::string filler(50, 'x');
    check_flat("a number", numbered("", "", 100000), Cache::Keys::names);
    check_flat("a long beginning", numbered(filler, "", 100000),
               Cache::Keys::names);
    check_flat("a long end", numbered("a", filler, 100000), Cache::Keys::names);
    check_flat("both", numbered("channel-", "/main/noarch", 100000),
               Cache::Keys::names);

    // One letter, in each of 64 places, each in turn beside another.
    Names names;
    for (std::size_t at = 0; at < 64; at++) {
        for (std::size_t other = 0; other < at; other++) {
            for (char c = 'a'; c <= 'z'; c++) {
                names.emplace_back(64, 'A');
                names.back()[at] = c;
                names.back()[other] = 'b';
            }
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    check_flat("two letters", names, Cache::Keys::names);
}

/// Blocks that are the same to a hash by 31 or 33 (Java's, djb2's), in every
/// order: 65,536 names of which such a hash makes one chain. And blocks as
/// wide as the words that are read here.
void blocks_that_other_hashes_confuse_are_spread(void**)
{
    struct Blocks {
        std::string_view label;
        std::string_view one;
        std::string_view other;
    };

    constexpr Blocks cases[] = {
        {"by 31", "Aa", "BB"},
        {"by 33", "Ez", "FY"},
        {"words", "aaaaaaaa", "bbbbbbbb"},
        {"words of one bit", "aaaaaaaa", "aaaaaaac"},
    };
    for (const auto& c : cases) {
        Names names;
        for (unsigned order = 0; order < 1U << 16U; order++) {
            names.emplace_back();
            for (unsigned bit = 0; bit < 16; bit++) {
                names.back() += (order >> bit & 1U) != 0 ? c.one : c.other;
            }
        }
        check_flat(c.label, names, Cache::Keys::names);
    }
}

/// Names whose CRC-32, whatever the table, ends in the same two digits.
void names_of_one_checksum_are_spread(void**)
{
    Names names;
    for (int i = 0; names.size() < 300; i++) {
        std::string name = "n" + std::to_string(i);
        const auto sum = psm::token_checksum(name);
        if (sum[4] == '0' && sum[5] == '0') {
            names.push_back(std::move(name));
        }
    }
    check_flat("checksums", names, Cache::Keys::names);
}

/// All in one slot of the attacker's cache: that is what he can choose.
void keys_chosen_for_a_known_seed_are_spread_by_another(void**)
{
    const Cache known(100000, known_seed, Cache::Keys::names);
    Names names;
    for (int i = 0; names.size() < 1000; i++) {
        std::string name = "channel-" + std::to_string(i);
        if ((known.hash(name) & 1023U) == 0) {
            names.push_back(std::move(name));
        }
    }
    check_equal("one chain where the seed is known",
                static_cast<long long>(longest_chain(known, names)), 1000);
    check_flat("elsewhere", names, Cache::Keys::names);

    // Tokens are free to choose, and so, by trying, is a part of a digest.
    std::mt19937_64 random(7);
    const Cache of_digests(100000, known_seed, Cache::Keys::digests);
    Names digests;
    while (digests.size() < 1000) {
        std::string digest(32, '\0');
        const std::uint64_t word = random();
        std::memcpy(digest.data(), &word, sizeof word);
        if ((of_digests.hash(digest) & 1023U) == 0) {
            digests.push_back(std::move(digest));
        }
    }
    check_flat("digests", digests, Cache::Keys::digests);
}

/// Who tries 2^40 tokens for each may choose 40 bits of every digest.
void digests_that_share_bits_are_spread(void**)
{
    std::mt19937_64 random(7);
    for (const unsigned from : {0U, 8U, 24U}) {
        const std::uint64_t shared = ((std::uint64_t{1} << 40U) - 1) << from;
        Names digests;
        for (int i = 0; i < 50000; i++) {
            const std::uint64_t word = random() & ~shared;
            digests.emplace_back(32, '\0');
            std::memcpy(digests.back().data(), &word, sizeof word);
        }
        std::sort(digests.begin(), digests.end());
        digests.erase(std::unique(digests.begin(), digests.end()),
                      digests.end());
        check_flat("40 bits", digests, Cache::Keys::digests);
    }
}

/// The count above is of what find() goes along: a full cache gives each back.
void every_key_is_found_where_it_was_put(void**)
{
    const Names names = numbered("channel-", "", 100000);
    Cache cache(names.size(), seeds[3]);
    for (const auto& name : names) {
        cache.put(name, name, 1);
    }
    check_equal("all", static_cast<long long>(cache.size()), 100000);
    for (const auto& name : names) {
        check_same("found", cache.find(name, 0).value_or("none"), name);
    }
    check_equal("nothing was evicted",
                static_cast<long long>(cache.evictions()), 0);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(names_that_differ_little_are_spread),
        cmocka_unit_test(blocks_that_other_hashes_confuse_are_spread),
        cmocka_unit_test(names_of_one_checksum_are_spread),
        cmocka_unit_test(keys_chosen_for_a_known_seed_are_spread_by_another),
        cmocka_unit_test(digests_that_share_bits_are_spread),
        cmocka_unit_test(every_key_is_found_where_it_was_put),
    };
    return cmocka_run_group_tests_name("cache flooding", tests, nullptr,
                                       nullptr);
}
