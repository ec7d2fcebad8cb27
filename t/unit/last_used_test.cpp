// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/last_used.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <string>

namespace {

using psm::LastUsed;

std::map<std::string, std::int64_t> all(const LastUsed& used)
{
    std::map<std::string, std::int64_t> found;
    used.for_each([&](std::string_view id, std::int64_t second) {
        check_that("once", found.emplace(id, second).second);
    });
    return found;
}

void the_later_use_is_kept(void**)
{
    LastUsed used(64, 7);
    check_that("empty", used.empty());
    used.note("a", 10);
    used.note("b", 20);
    used.note("a", 30);
    used.note("a", 25);
    const auto found = all(used);
    check_equal("two", found.size(), 2);
    check_equal("size", used.size(), 2);
    check_equal("a", found.at("a"), 30);
    check_equal("b", found.at("b"), 20);
}

void cleared_is_empty(void**)
{
    LastUsed used(64, 7);
    used.note("a", 10);
    used.clear();
    check_that("empty", used.empty());
    check_equal("nothing", all(used).size(), 0);
    used.note("a", 5);
    check_equal("again", all(used).at("a"), 5);
}

void odd_ids_are_not_noted(void**)
{
    LastUsed used(64, 7);
    used.note("", 1);
    used.note(std::string(65, 'x'), 1);
    check_that("empty", used.empty());
    const std::string longest(64, 'x');
    used.note(longest, 1);
    check_equal("the longest", all(used).at(longest), 1);
}

void more_tokens_than_places_are_bounded(void**)
{
    LastUsed used(256, 7);
    for (int i = 0; i < 10000; i++) {
        used.note("id-" + std::to_string(i), i);
    }
    check_that("bounded", used.size() <= 256);
    check_that("well filled", used.size() > 200);
    for (const auto& [id, second] : all(used)) {
        check_same("its own second", id, "id-" + std::to_string(second));
    }
}

/// Ids that belong to one place of a table are spread over that of another
/// seed.
void the_seed_decides_which_ids_meet(void**)
{
    constexpr std::size_t places = 32;
    constexpr std::size_t reach = 16;
    std::size_t most = 0;

    for (std::uint64_t seed = 0; seed < 8; seed++) {
        LastUsed used(places, seed);
        int noted = 0;
        for (int i = 0; noted < 24; i++) {
            const std::string id = "id-" + std::to_string(i);
            if (std::hash<std::string>{}(id) % places == 0) {
                used.note(id, i);
                noted++;
            }
        }
        most = std::max(most, used.size());
    }
    check_that("more than within reach of one place", most > reach);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_later_use_is_kept),
        cmocka_unit_test(cleared_is_empty),
        cmocka_unit_test(odd_ids_are_not_noted),
        cmocka_unit_test(more_tokens_than_places_are_bounded),
        cmocka_unit_test(the_seed_decides_which_ids_meet),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
