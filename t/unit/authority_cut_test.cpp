// SPDX-License-Identifier: BSD-2-Clause
//
// What is left of a token within bounds: by example, against the reference
// model, and where a record has no room for all of it.

#include "authority_dice.hpp"
#include "authority_samples.hpp"
#include "check.hpp"

#include "../../lib/channel.hpp"

#include <cstdint>
#include <string>

namespace {

using dice::Dice;
using psm::Level;
using reference::Grants;
using reference::Wanted;
using samples::rights;
using samples::token;

std::string left_of(const psm::TokenRecord& record, const psm::Rights& bounds)
{
    const auto rest = psm::cut(record, bounds);
    return rest ? reference::words_of(samples::grants_of(*rest)) : "nothing ";
}

void the_lower_of_both_is_left(void** /*state*/)
{
    struct Case {
        std::string label;
        std::string bounds;
        std::string record;
        std::string left;
    };

    const std::string read = "artifact:download channel:view-artifacts ";
    const Case cases[] = {
        {"nothing to go", "main=manage lab=read", "main=read main/dev=read",
         "main=read main/dev=read"},
        {"a channel", "main=read", "lab=read main=read", "main=read"},
        {"a level", "main=read", "main=manage", "main=read"},
        {"all", "main=manage", "main2=read", "nothing"},
        {"no bounds", "", "main=read", "nothing"},
        {"administrator", "admin", "main=manage", "main=manage"},
        {"unknown scope of an administrator's token", "admin", "made:up",
         "made:up"},
        {"only below", "main/dev=read main/x=manage", "main=write",
         "main/dev=read main/x=write"},
        {"lower below", "main=manage main/dev=read", "main=manage",
         "main/dev=read main=manage"},
        {"lower below, as it was", "main=manage main/dev=read",
         "main=manage main/dev=read lab=read", "main/dev=read main=manage"},
        {"higher below is nothing to it", "main=read main/dev=manage",
         "main=write", "main/dev=write main=read"},
        {"no narrower than needed", "main=write main/dev=manage main/x=read",
         "main=read lab=read", "main=read"},
        {"repetitions stay", "main=read", "main=read main/dev=read lab=read",
         "main/dev=read main=read"},
        {"by scopes of the user", read, "main=manage", "main=read"},
        {"by both", "main/dev=manage " + read + "@main", "main=manage lab=read",
         "main/dev=manage main=read"},
        {"scopes", read, read + "cve:view", read},
        {"unknown scopes", read + "made:up", read + "made:up", read},
        {"only unknown scopes", "made:up", "made:up", "nothing"},
        {"scopes never by resources", "main=manage", read, "nothing"},
        {"reach", "cve:view @main", "cve:view", "cve:view @main"},
        {"reach below", "cve:view @main/dev @lab", "cve:view @main @main2",
         "cve:view @main/dev"},
        {"reach within", "cve:view @main", "cve:view @main/dev @main/x",
         "cve:view @main/dev @main/x"},
        {"reach elsewhere", "cve:view @main", "cve:view @main2", "nothing"},
        {"reach said twice", "cve:view @main/dev", "cve:view @main @main/dev",
         "cve:view @main/dev"},
    };
    for (const Case& c : cases) {
        const std::string expected =
            c.left == "nothing" ? "nothing "
                                : reference::words_of(reference::parse(c.left));
        check_same(c.label, left_of(token(c.record), rights(c.bounds)),
                   expected);
    }
}

void the_rest_of_the_record_stays(void** /*state*/)
{
    auto record = token("main=manage lab=read");
    record.rev = 7;
    record.description = "nightly";
    record.expires = 300;
    record.created_by = "alice";
    record.disabled = true;
    const auto rest = psm::cut(record, rights("main=read"));
    check_that("some is left", rest.has_value());
    record.resources = {{"main", Level::read}};
    check_same("as it was", psm::encode_token_record(*rest),
               psm::encode_token_record(record));
}

void random_tokens_keep_all_they_may(void** /*state*/)
{
    std::uint64_t whole = 0;
    std::uint64_t none = 0;
    std::uint64_t part = 0;
    for (std::uint64_t seed = 7000000; seed < 7006000; seed++) {
        Dice dice(seed);
        const Grants bounds = dice::user(dice);
        const Grants held =
            dice.one_in(2)
                ? dice::token(dice, dice.one_in(2))
                : dice::near(dice, {.bounds = {bounds}}, dice.one_in(2));
        const std::string label = "seed " + std::to_string(seed) + ": [" +
                                  reference::words_of(held) + "] within [" +
                                  reference::words_of(bounds) + "]";
        const psm::TokenRecord record = token(Wanted{.grants = held});
        const auto rest = psm::cut(record, rights(bounds));

        const reference::Bits before = reference::can(held);
        const reference::Bits allowed = before & reference::hands_out(bounds);
        check_equal(label, rest.has_value(), allowed.any());
        if (!rest) {
            none++;
            continue;
        }
        const reference::Bits after = reference::can(samples::grants_of(*rest));
        check_equal(label + ": beyond", (after & ~allowed).count(), 0);
        check_equal(label + ": lost", (allowed & ~after).count(), 0);
        if (allowed == before) {
            check_same(label, psm::encode_token_record(*rest),
                       psm::encode_token_record(record));
        }
        check_that(label,
                   psm::excess({.bounds = {rights(bounds)}}, *rest).empty());
        (allowed == before ? whole : part)++;
    }
    print_message("%llu whole, %llu in part, %llu gone\n",
                  static_cast<unsigned long long>(whole),
                  static_cast<unsigned long long>(part),
                  static_cast<unsigned long long>(none));
    check_that("each often", whole > 500 && part > 500 && none > 500);
}

/// Whether `record` can be stored, is within the bounds and within `old`.
void check_safe(std::string_view label, const psm::TokenRecord& record,
                const psm::TokenRecord& old, const psm::Rights& bounds)
{
    psm::TokenRecord again;
    check_same(label,
               psm::decode_token_record(psm::encode_token_record(record), again)
                   .value_or(""),
               "");
    check_that(label, psm::excess({.bounds = {bounds}}, record).empty());
    check_that(label, psm::excess({}, old, record).empty());
}

std::string numbered(std::string_view path, std::size_t i)
{
    return std::string(path) + std::to_string(i);
}

void too_many_exceptions_lower_what_is_above(void** /*state*/)
{
    auto record = token("main=manage lab=write");
    psm::Rights bounds = rights("main=manage lab=manage");
    for (std::size_t i = 0; i < psm::max_resources; i++) {
        bounds.resources[numbered("main/c", i)] = Level::read;
    }
    const auto rest = psm::cut(record, bounds);
    check_that("some is left", rest.has_value());
    check_safe("lowered", *rest, record, bounds);
    check_same("all channels", reference::words_of(samples::grants_of(*rest)),
               "lab=write main=read ");

    // As many as there is room for: nothing is lost.
    bounds.resources.erase("main/c0");
    bounds.resources.erase("main/c1");
    const auto all = psm::cut(record, bounds);
    check_that("some is left", all.has_value());
    check_equal("all of it", all->resources.size(), psm::max_resources);
    check_equal("main", all->resources.at("main"), Level::manage);
    check_safe("all", *all, record, bounds);
}

void too_many_grants_keep_every_channel(void** /*state*/)
{
    // Each side has room for its own, but not for those of both.
    psm::TokenRecord record = token("b=read");
    psm::Rights bounds = rights("b=read");
    for (std::size_t i = 0; i < 120; i++) {
        const std::string path = numbered("a", i);
        record.resources[path] = Level::manage;
        record.resources[path + "/z"] = Level::read;
        bounds.resources[path] = Level::write;
        bounds.resources[path + "/y"] = Level::manage;
    }
    const auto rest = psm::cut(record, bounds);
    check_that("some is left", rest.has_value());
    check_safe("dropped", *rest, record, bounds);
    check_that("not more than must",
               rest->resources.size() > psm::max_resources - 3);
    for (const auto& [path, level] : record.resources) {
        check_that(path,
                   psm::level_on(psm::rights_of(*rest), path) >= Level::read);
    }
}

/// So long that a record has no room for max_resources of it.
std::string long_path(std::string_view top)
{
    std::string path(top);
    for (const char c : std::string_view("bcdef")) {
        path += '/';
        path += std::string(psm::max_segment_length, c);
    }
    return path;
}

void reach_that_does_not_fit_is_dropped(void** /*state*/)
{
    psm::TokenRecord record = token("cve:view");
    psm::Rights bounds = rights("cve:view");
    for (std::size_t i = 0; i < psm::max_resources + 40; i++) {
        bounds.channels.push_back(numbered("c", i));
    }
    auto rest = psm::cut(record, bounds);
    check_that("some is left", rest.has_value());
    check_equal("channels", rest->channels.size(), psm::max_resources);
    check_safe("many", *rest, record, bounds);

    // By size; never all of them, which would mean everywhere.
    bounds.channels.clear();
    for (std::size_t i = 0; i < psm::max_resources; i++) {
        bounds.channels.push_back(numbered(long_path("a") + "/g", i));
    }
    record.description = std::string(1024, '"');
    rest = psm::cut(record, bounds);
    check_that("some is left", rest.has_value());
    check_that("channels", rest->channels.size() < psm::max_resources &&
                               rest->channels.size() > 150);
    check_safe("large", *rest, record, bounds);
}

void resources_that_are_too_long_are_dropped(void** /*state*/)
{
    psm::TokenRecord record = token("a=manage");
    psm::Rights bounds;
    for (std::size_t i = 0; i < psm::max_resources; i++) {
        bounds.resources[numbered(long_path("a") + "/g", i)] = Level::read;
    }
    const auto rest = psm::cut(record, bounds);
    check_that("some is left", rest.has_value());
    check_that("resources", rest->resources.size() < psm::max_resources &&
                                rest->resources.size() > 150);
    check_safe("large", *rest, record, bounds);
    check_that("no room is left over",
               psm::encode_token_record(*rest).size() + 400 >
                   psm::max_record_size);
}

void a_hole_takes_what_lies_above(void** /*state*/)
{
    // No record can say this; rights made by hand can.
    const psm::TokenRecord record = token("main=manage lab=read");
    psm::Rights bounds = rights("main=manage main/dev=manage main/x=read");
    bounds.resources["main/secret"] = Level::none;
    check_same("the rest", left_of(record, bounds),
               "main/dev=manage main/x=read ");
    bounds.resources["main/dev/secret"] = Level::none;
    check_same("nested", left_of(record, bounds), "main/x=read ");
    check_same("beyond",
               samples::words_of(
                   psm::excess({.bounds = {bounds}}, token("main=read"))),
               "resources main");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_lower_of_both_is_left),
        cmocka_unit_test(the_rest_of_the_record_stays),
        cmocka_unit_test(random_tokens_keep_all_they_may),
        cmocka_unit_test(too_many_exceptions_lower_what_is_above),
        cmocka_unit_test(too_many_grants_keep_every_channel),
        cmocka_unit_test(reach_that_does_not_fit_is_dropped),
        cmocka_unit_test(resources_that_are_too_long_are_dropped),
        cmocka_unit_test(a_hole_takes_what_lies_above),
    };
    return cmocka_run_group_tests_name("authority_cut", tests, nullptr,
                                       nullptr);
}
