// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/scope.hpp"

#include <string>

namespace {

using psm::Level;
using psm::ScopeSet;

ScopeSet set_of(std::initializer_list<std::string_view> names)
{
    ScopeSet set;
    for (const std::string_view name : names) {
        const auto scope = psm::find_scope(name);
        check_that(name, scope.has_value());
        set.add(*scope);
    }
    return set;
}

/// The product page as it stands there: category, actions with their level.
struct PageRow {
    std::string_view group;
    std::string_view name;
    Level level;
};

constexpr PageRow page[] = {
    {"Artifacts", "artifact:create", Level::write},
    {"Artifacts", "artifact:delete", Level::manage},
    {"Artifacts", "artifact:download", Level::read},
    {"Artifacts", "artifact:edit", Level::manage},
    {"Artifacts", "artifact:view", Level::read},
    {"Channels", "channel:create", Level::write},
    {"Channels", "channel:delete", Level::manage},
    {"Channels", "channel:edit", Level::manage},
    {"Channels", "channel:history", Level::manage},
    {"Channels", "channel:view", Level::read},
    {"Channels", "channel:view-artifacts", Level::read},
    {"Default Channel", "channel.default-channel:edit", Level::manage},
    {"Channel groups", "channel.group:edit", Level::manage},
    {"Channel groups", "channel.group:view", Level::read},
    {"Channel mirrors", "channel.mirror:edit", Level::manage},
    {"Channel mirrors", "channel.mirror:view", Level::manage},
    {"Subchannels", "subchannel:create", Level::manage},
    {"Subchannels", "subchannel:delete", Level::manage},
    {"Subchannels", "subchannel:edit", Level::manage},
    {"Subchannels", "subchannel:history", Level::manage},
    {"Subchannels", "subchannel:view", Level::read},
    {"Subchannels", "subchannel:view-artifacts", Level::read},
    {"Subchannel groups", "subchannel.group:edit", Level::manage},
    {"Subchannel groups", "subchannel.group:view", Level::read},
    {"Subchannel mirrors", "subchannel.mirror:edit", Level::manage},
    {"Subchannel mirrors", "subchannel.mirror:view", Level::manage},
    {"Mirrors", "mirror:view", Level::manage},
    {"Licenses", "system.license:edit", Level::manage},
    {"Licenses", "system.license:view", Level::manage},
    {"CVEs", "cve:edit", Level::manage},
    {"CVEs", "cve:view", Level::read},
    {"Roles", "role:edit", Level::manage},
    {"Roles", "role:view", Level::read},
    {"System blobs", "system.settings:edit", Level::manage},
    {"System blobs", "system:delete-blobs", Level::manage},
    {"Tokens", "user.token:edit", Level::manage},
    {"Tokens", "user.token:view", Level::manage},
};

void table_is_the_product_page(void** /*state*/)
{
    check_equal("rows", std::size(page), psm::scope_count);
    for (std::size_t i = 0; i < psm::scope_count; i++) {
        check_same(page[i].name, psm::scopes[i].name, page[i].name);
        check_same(page[i].name, psm::scopes[i].group, page[i].group);
        check_equal(page[i].name, psm::scopes[i].level, page[i].level);
        const auto found = psm::find_scope(page[i].name);
        check_that(page[i].name, found.has_value());
        check_equal(page[i].name, *found, i);
    }
}

void scopes_that_need_no_channel_are_account_wide(void** /*state*/)
{
    for (const psm::ScopeInfo& scope : psm::scopes) {
        const bool named = scope.name.starts_with("artifact:") ||
                           scope.name.starts_with("channel") ||
                           scope.name.starts_with("subchannel");
        const bool apart = scope.name == "channel:create" ||
                           scope.name == "channel.default-channel:edit";
        check_equal(scope.name, scope.on_channel, named && !apart);
    }
}

void unknown_names_are_no_scopes(void** /*state*/)
{
    for (const std::string_view name :
         {"", ":", "artifact", "artifact:", "artifact:*", "Artifact:view",
          "artifact:view ", " artifact:view", "channel:manage-groups",
          "artifact:view\n"}) {
        check_that(name, !psm::find_scope(name).has_value());
    }
}

void levels_have_names_and_an_order(void** /*state*/)
{
    check_same("none", psm::level_name(Level::none), "none");
    check_same("read", psm::level_name(Level::read), "read");
    check_same("write", psm::level_name(Level::write), "write");
    check_same("manage", psm::level_name(Level::manage), "manage");
    check_that("order", Level::none < Level::read &&
                            Level::read < Level::write &&
                            Level::write < Level::manage);
    check_that("read", psm::find_level("read") == Level::read);
    check_that("write", psm::find_level("write") == Level::write);
    check_that("manage", psm::find_level("manage") == Level::manage);
    for (const std::string_view name : {"none", "", "Read", "read ", "auto"}) {
        check_that(name, !psm::find_level(name).has_value());
    }
}

void category_is_the_text_before_the_colon(void** /*state*/)
{
    check_same("plain", psm::scope_category(*psm::find_scope("artifact:view")),
               "artifact");
    check_same("dotted",
               psm::scope_category(*psm::find_scope("channel.group:edit")),
               "channel.group");
    check_same("system",
               psm::scope_category(*psm::find_scope("system:delete-blobs")),
               "system");
}

void a_scope_gives_its_own_action_only(void** /*state*/)
{
    for (psm::Scope held = 0; held < psm::scope_count; held++) {
        ScopeSet set;
        set.add(held);
        for (psm::Scope wanted = 0; wanted < psm::scope_count; wanted++) {
            check_equal(psm::scopes[held].name, psm::gives(set, wanted, false),
                        held == wanted);
        }
    }
    check_that("nothing", !psm::gives(ScopeSet(), 0, true));
}

void by_level_a_scope_gives_lower_actions_of_its_category(void** /*state*/)
{
    struct Case {
        std::string_view held;
        std::string_view wanted;
        bool gives;
    };

    static constexpr Case cases[] = {
        {"channel:edit", "channel:view", true},
        {"channel:edit", "channel:view-artifacts", true},
        {"channel:edit", "channel:delete", true},
        {"channel:edit", "channel:create", true},
        {"channel:create", "channel:view", true},
        {"channel:create", "channel:edit", false},
        {"channel:view", "channel:edit", false},
        {"channel:view", "channel:view-artifacts", true},
        {"channel:edit", "artifact:download", false},
        {"channel:edit", "subchannel:view", false},
        {"channel:edit", "channel.group:view", false},
        {"channel:edit", "channel.default-channel:edit", false},
        {"channel.group:edit", "channel.group:view", true},
        {"channel.group:edit", "channel.mirror:view", false},
        {"artifact:delete", "artifact:edit", true},
        {"artifact:create", "artifact:download", true},
        {"artifact:create", "artifact:edit", false},
        {"cve:edit", "cve:view", true},
        {"cve:view", "cve:edit", false},
        {"system.settings:edit", "system:delete-blobs", false},
        {"user.token:view", "user.token:edit", true},
    };
    for (const Case& c : cases) {
        const std::string label =
            std::string(c.held) + " for " + std::string(c.wanted);
        check_equal(
            label,
            psm::gives(set_of({c.held}), *psm::find_scope(c.wanted), true),
            c.gives);
    }
}

void a_floor_needs_a_scope_of_its_level(void** /*state*/)
{
    struct Case {
        std::string_view held;
        Level exactly;  // the only floor it passes
        Level by_level; // the highest it passes when levels count
    };

    static constexpr Case cases[] = {
        {"artifact:download", Level::read, Level::read},
        {"artifact:view", Level::read, Level::read},
        {"channel:view", Level::read, Level::read},
        {"subchannel:view-artifacts", Level::read, Level::read},
        {"artifact:create", Level::write, Level::write},
        {"channel:create", Level::none, Level::none},
        {"artifact:edit", Level::manage, Level::manage},
        {"channel:history", Level::manage, Level::manage},
        {"subchannel:create", Level::manage, Level::manage},
        {"channel.group:edit", Level::none, Level::none},
        {"channel.default-channel:edit", Level::none, Level::none},
        {"subchannel.mirror:view", Level::none, Level::none},
        {"cve:view", Level::none, Level::none},
        {"user.token:edit", Level::none, Level::none},
    };
    for (const Case& c : cases) {
        const ScopeSet held = set_of({c.held});
        for (const Level level : {Level::read, Level::write, Level::manage}) {
            check_equal(c.held, psm::gives_level(held, level, false),
                        level == c.exactly);
            check_equal(c.held, psm::gives_level(held, level, true),
                        level <= c.by_level);
        }
    }
}

void level_over_channels_is_the_highest_held(void** /*state*/)
{
    check_equal("none", psm::channel_level(ScopeSet()), Level::none);
    check_equal("account-wide",
                psm::channel_level(
                    set_of({"cve:edit", "channel:create", "mirror:view"})),
                Level::none);
    check_equal("read",
                psm::channel_level(set_of({"channel.group:view", "cve:edit"})),
                Level::read);
    check_equal(
        "write",
        psm::channel_level(set_of({"artifact:create", "artifact:download"})),
        Level::write);
    check_equal("manage",
                psm::channel_level(
                    set_of({"channel.mirror:view", "artifact:download"})),
                Level::manage);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(table_is_the_product_page),
        cmocka_unit_test(scopes_that_need_no_channel_are_account_wide),
        cmocka_unit_test(unknown_names_are_no_scopes),
        cmocka_unit_test(levels_have_names_and_an_order),
        cmocka_unit_test(category_is_the_text_before_the_colon),
        cmocka_unit_test(a_scope_gives_its_own_action_only),
        cmocka_unit_test(by_level_a_scope_gives_lower_actions_of_its_category),
        cmocka_unit_test(a_floor_needs_a_scope_of_its_level),
        cmocka_unit_test(level_over_channels_is_the_highest_held),
    };
    return cmocka_run_group_tests_name("scope", tests, nullptr, nullptr);
}
