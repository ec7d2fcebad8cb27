// SPDX-License-Identifier: BSD-2-Clause

#include "authority_samples.hpp"
#include "check.hpp"

#include <bit>
#include <string>
#include <vector>

namespace {

using psm::Level;
using samples::authority;
using samples::rights;
using samples::token;
using samples::words_of;

// Scopes that make levels.
const std::string read = "artifact:download channel:view-artifacts ";
const std::string write = read + "artifact:create ";
const std::string manage =
    write + "artifact:edit artifact:delete channel:edit ";

struct Case {
    std::string label;
    std::vector<std::string> bounds;
    std::string wanted;
    std::string excess; // words_of
};

void check_cases(const std::vector<Case>& cases)
{
    for (const Case& c : cases) {
        check_same(c.label,
                   words_of(psm::excess(authority(c.bounds), token(c.wanted))),
                   c.excess);
    }
}

void resources_are_handed_out_by_resources(void** /*state*/)
{
    check_cases({
        {"nobody", {}, "main=read", "resources main"},
        {"nothing", {""}, "main=read", "resources main"},
        {"same", {"main=read"}, "main=read", ""},
        {"less", {"main=manage"}, "main=write", ""},
        {"more", {"main=write"}, "main=manage", "resources main"},
        {"other", {"main=manage"}, "lab=read", "resources lab"},
        {"each", {"a=read"}, "a=write b=read", "resources a, resources b"},
        {"below", {"main=read"}, "main/dev=read", ""},
        {"above", {"main/dev=read"}, "main=read", "resources main"},
        {"a longer name", {"main=manage"}, "main2=read", "resources main2"},
        {"a shorter name", {"main2=manage"}, "main=read", "resources main"},
        {"a dot", {"main=manage"}, "main.x=read", "resources main.x"},
        {"case", {"main=manage"}, "Main=read", "resources Main"},
    });
}

void the_most_specific_grant_counts(void** /*state*/)
{
    const std::string narrowed = "main=manage main/dev=read";
    check_cases({
        {"hidden in the parent", {narrowed}, "main=manage", "resources main"},
        {"spared", {narrowed}, "main=manage main/dev=read", ""},
        {"named too high",
         {narrowed},
         "main=manage main/dev=write",
         "resources main/dev"},
        {"spared too little",
         {narrowed},
         "main=manage main/dev/x=read",
         "resources main"},
        {"below the exception",
         {narrowed},
         "main/dev/x=write",
         "resources main/dev/x"},
        {"beside it", {narrowed}, "main/dev2=manage", ""},
        {"low enough everywhere", {narrowed}, "main=read", ""},
        {"raised below", {"main=read main/dev=manage"}, "main/dev=manage", ""},
        {"raised below only",
         {"main=read main/dev=manage"},
         "main=manage",
         "resources main"},
        {"narrowing of the wanted does not hide the rest",
         {"main=read"},
         "main=manage main/dev=read",
         "resources main"},
    });
}

void levels_are_made_by_scopes(void** /*state*/)
{
    check_cases({
        {"read", {read}, "main=read", ""},
        {"download only", {"artifact:download"}, "main=read", "resources main"},
        {"view only",
         {"channel:view-artifacts channel:view artifact:view"},
         "main=read",
         "resources main"},
        {"create without read",
         {"artifact:create"},
         "main=write",
         "resources main"},
        {"write", {write}, "main=write", ""},
        {"not more than write", {write}, "main=manage", "resources main"},
        {"manage", {manage}, "main=manage", ""},
        {"manage without channel:edit",
         {write + "artifact:edit artifact:delete"},
         "main=manage",
         "resources main"},
        {"manage without create",
         {read + "artifact:edit artifact:delete channel:edit"},
         "main=write",
         "resources main"},
        {"within reach", {write + "@main"}, "main/dev=write", ""},
        {"out of reach", {write + "@main"}, "lab=read", "resources lab"},
        {"reach of a longer name",
         {read + "@main"},
         "main2=read",
         "resources main2"},
        {"reach below", {read + "@main/dev"}, "main=read", "resources main"},
        {"unknown scopes make nothing",
         {"made:up"},
         "main=read",
         "resources main"},
        {"the higher of both",
         {"main=read main/dev=read " + write + "@main/dev"},
         "main=read main/dev=write",
         ""},
        {"the higher of both is the grant",
         {"main=manage " + read},
         "main=manage lab=read",
         ""},
        {"a narrow grant does not take from scopes",
         {"main=manage main/dev=read " + manage},
         "main=manage",
         ""},
    });
}

void scopes_are_handed_out_by_scopes(void** /*state*/)
{
    check_cases({
        {"subset", {read + "cve:view"}, "cve:view artifact:download", ""},
        {"no more", {"cve:view"}, "cve:view cve:edit", "scopes cve:edit"},
        {"level does not count",
         {"artifact:delete"},
         "artifact:view",
         "scopes artifact:view"},
        {"never by resources",
         {"main=manage"},
         "artifact:download @main",
         "scopes artifact:download"},
        {"nor by those of a user who has both",
         {"main=manage cve:view"},
         "cve:view artifact:download",
         "scopes artifact:download"},
        {"user.token as any other",
         {read},
         "artifact:download user.token:edit",
         "scopes user.token:edit"},
        {"nor without",
         {"user.token:view"},
         "user.token:edit",
         "scopes user.token:edit"},
        {"unknown", {"cve:view"}, "made:up", "scopes made:up"},
        {"unknown here and there", {"made:up"}, "made:up", "scopes made:up"},
        {"nobody", {}, "cve:view @main", "scopes cve:view, channels main"},
        {"nobody, everywhere", {}, "cve:view", "scopes cve:view, channels"},
    });
}

void reach_lies_within_reach(void** /*state*/)
{
    check_cases({
        {"everywhere in everywhere", {"cve:view"}, "cve:view", ""},
        {"a channel in everywhere", {"cve:view"}, "cve:view @main", ""},
        {"everywhere in a channel", {"cve:view @main"}, "cve:view", "channels"},
        {"the same", {"cve:view @main"}, "cve:view @main", ""},
        {"below", {"cve:view @main"}, "cve:view @main/dev @main/x/y", ""},
        {"above", {"cve:view @main/dev"}, "cve:view @main", "channels main"},
        {"all children but not the parent",
         {"cve:view @main/dev @main/dev2"},
         "cve:view @main",
         "channels main"},
        {"a longer name",
         {"cve:view @main"},
         "cve:view @main2",
         "channels main2"},
        {"each",
         {"cve:view @main"},
         "cve:view @a @main @b",
         "channels a, channels b"},
        {"both told",
         {"cve:view @main"},
         "cve:edit @lab",
         "scopes cve:edit, channels lab"},
    });
}

void every_bound_binds(void** /*state*/)
{
    check_cases({
        {"the lower one",
         {"main=manage", "main=read"},
         "main=write",
         "resources main"},
        {"in both", {"main=manage", "main=read"}, "main=read", ""},
        {"in the second only",
         {"lab=manage", "main=manage"},
         "main=read",
         "resources main"},
        {"one by grant, one by scopes",
         {"main=write", write + "@main"},
         "main=write",
         ""},
        {"one narrows below",
         {"main=manage", "main=manage main/dev=read"},
         "main=manage",
         "resources main"},
        {"scopes of both",
         {read, "artifact:download"},
         read,
         "scopes channel:view-artifacts"},
        {"levels are not made of two halves",
         {"artifact:download", "channel:view-artifacts"},
         "main=read",
         "resources main"},
        {"reach of both",
         {"cve:view @main", "cve:view @main/dev @lab"},
         "cve:view @main/dev",
         ""},
        {"reach of one",
         {"cve:view @main", "cve:view @main/dev @lab"},
         "cve:view @main @lab",
         "channels main, channels lab"},
        {"nothing binds all", {"admin", ""}, "main=read", "resources main"},
        {"an administrator is bound by his token",
         {"admin", "main=read"},
         "main=manage",
         "resources main"},
        {"and by its reach",
         {"admin", "cve:view @main"},
         "cve:view",
         "channels"},
    });
}

void administrators_hand_out_everything(void** /*state*/)
{
    check_cases({
        {"resources", {"admin"}, "main=manage lab/x=manage", ""},
        {"scopes", {"admin"}, "user.token:edit system.license:edit", ""},
        {"unknown scopes", {"admin"}, "made:up", ""},
        {"whatever else stands there",
         {"admin main=read cve:view @main"},
         "artifact:delete",
         ""},
        {"twice", {"admin", "admin"}, "made:up", ""},
    });
}

void levels_and_scopes_are_offered(void** /*state*/)
{
    struct Row {
        std::string label;
        std::vector<std::string> bounds;
        Level main;
        Level dev;
        int scopes;
    };

    const Row rows[] = {
        {"nobody", {}, Level::none, Level::none, 0},
        {"administrator", {"admin"}, Level::manage, Level::manage, 37},
        {"narrowed",
         {"main=manage main/dev=read"},
         Level::manage,
         Level::read,
         0},
        {"scopes", {write + "@main/dev"}, Level::none, Level::write, 3},
        {"both", {"main=read", "main=manage"}, Level::read, Level::read, 0},
        {"unknown scopes", {"made:up cve:view"}, Level::none, Level::none, 1},
        {"reaches that meet",
         {"cve:view @main", "cve:view cve:edit"},
         Level::none,
         Level::none,
         1},
        {"reaches that do not",
         {"cve:view @main", "cve:view @lab"},
         Level::none,
         Level::none,
         0},
    };
    for (const Row& row : rows) {
        const auto maker = authority(row.bounds);
        check_equal(row.label, psm::level_on(maker, "main"), row.main);
        check_equal(row.label, psm::level_on(maker, "main/dev"), row.dev);
        check_equal(row.label, std::popcount(psm::scopes_of(maker).bits()),
                    row.scopes);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(resources_are_handed_out_by_resources),
        cmocka_unit_test(the_most_specific_grant_counts),
        cmocka_unit_test(levels_are_made_by_scopes),
        cmocka_unit_test(scopes_are_handed_out_by_scopes),
        cmocka_unit_test(reach_lies_within_reach),
        cmocka_unit_test(every_bound_binds),
        cmocka_unit_test(administrators_hand_out_everything),
        cmocka_unit_test(levels_and_scopes_are_offered),
    };
    return cmocka_run_group_tests_name("authority", tests, nullptr, nullptr);
}
