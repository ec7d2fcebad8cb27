// SPDX-License-Identifier: BSD-2-Clause
//
// What a token may do, by example: levels, grants, scopes, reach.

#include "check.hpp"
#include "policy_samples.hpp"

#include "../../lib/policy.hpp"

#include <string>

namespace {

using psm::ChannelPrivacy;
using psm::Level;
using psm::Method;
using psm::Reason;
using psm::TargetKind;

using samples::code;
using samples::index_of_main;
using samples::known;
using samples::now;
using samples::nowhere;
using samples::package;
using samples::package_below;
using samples::question;
using samples::resource_token;
using samples::scope_token;

void methods_have_their_levels(void** /*state*/)
{
    struct Row {
        std::string_view method;
        Level needed;
    };

    static constexpr Row rows[] = {
        {"GET", Level::read},     {"HEAD", Level::read},
        {"POST", Level::write},   {"PUT", Level::write},
        {"PATCH", Level::manage}, {"DELETE", Level::manage},
        {"OPTIONS", Level::none}, {"MKCOL", Level::none},
        {"COPY", Level::none},    {"MOVE", Level::none},
        {"get", Level::none},     {"", Level::none},
        {"GETX", Level::none},    {"PROPFIND", Level::none},
    };
    for (const Row& row : rows) {
        for (const Level level : {Level::read, Level::write, Level::manage}) {
            const std::string bytes = resource_token({{"main", level}});
            const std::string_view expected =
                row.needed == Level::none ? "action_unknown"
                : level >= row.needed     ? "granted"
                                          : "level_too_low";
            check_same(row.method,
                       code(question(psm::find_method(row.method), package),
                            known(bytes)),
                       expected);
        }
    }
}

void a_floor_raises_what_the_method_needs(void** /*state*/)
{
    struct Row {
        std::string_view floor;
        Method method;
        Level lowest;
    };

    static constexpr Row rows[] = {
        {"read", Method::get, Level::read},
        {"read", Method::put, Level::write},
        {"read", Method::remove, Level::manage},
        {"write", Method::get, Level::write},
        {"write", Method::post, Level::write},
        {"write", Method::patch, Level::manage},
        {"manage", Method::get, Level::manage},
        {"manage", Method::put, Level::manage},
    };
    for (const Row& row : rows) {
        for (const Level level : {Level::read, Level::write, Level::manage}) {
            const std::string bytes = resource_token({{"main", level}});
            check_same(
                row.floor,
                code(question(row.method, package, row.floor), known(bytes)),
                level >= row.lowest ? "granted" : "level_too_low");
        }
    }
    const std::string manager = resource_token({{"main", Level::manage}});
    check_same("no channel",
               code(question(Method::get, nowhere, "read"), known(manager)),
               "action_unknown");
}

void the_most_specific_grant_decides(void** /*state*/)
{
    const std::string narrowed =
        resource_token({{"main", Level::write}, {"main/dev", Level::read}});
    const auto put = [&](const psm::Target& target) {
        return code(question(Method::put, target), known(narrowed));
    };
    check_same("channel", put(package), "granted");
    check_same("sibling", put({TargetKind::file, "main/lab"}), "granted");
    check_same("narrowed", put(package_below), "level_too_low");
    check_same("below", put({TargetKind::file, "main/dev/x"}), "level_too_low");
    check_same("alike", put({TargetKind::file, "main2"}),
               "channel_not_granted");

    const std::string below = resource_token({{"main/dev", Level::manage}});
    check_same("subchannel",
               code(question(Method::remove, package_below), known(below)),
               "granted");
    check_same("its parent", code(question(Method::get, package), known(below)),
               "channel_not_granted");
    check_same("its likeness",
               code(question(Method::get, {TargetKind::file, "main/dev2"}),
                    known(below)),
               "channel_not_granted");
}

void indexes_open_to_view_or_download(void** /*state*/)
{
    constexpr psm::Target index_below{TargetKind::index, "main/dev"};

    struct Row {
        std::string_view scope;
        psm::Target target;
        std::string_view code;
    };

    const Row rows[] = {
        {"channel:view-artifacts", index_of_main, "granted"},
        {"channel:view-artifacts", index_below, "scope_missing"},
        {"channel:view-artifacts", package, "scope_missing"},
        {"subchannel:view-artifacts", index_below, "granted"},
        {"subchannel:view-artifacts", index_of_main, "scope_missing"},
        {"artifact:download", index_of_main, "granted"},
        {"artifact:download", index_below, "granted"},
        {"artifact:download", package, "granted"},
        {"artifact:view", package, "scope_missing"},
        {"channel:edit", index_of_main, "scope_missing"},
    };
    for (const Row& row : rows) {
        const std::string bytes = scope_token({std::string(row.scope)});
        check_same(row.scope,
                   code(question(Method::get, row.target), known(bytes)),
                   row.code);
    }
    const std::string editor = scope_token({"channel:edit"});
    check_same(
        "by level",
        code(question(Method::get, index_of_main, "auto", true), known(editor)),
        "granted");
}

void a_named_scope_minds_the_channel_it_is_bound_to(void** /*state*/)
{
    const auto edit = [](std::string_view channel) {
        return question(Method::other, {TargetKind::unknown, channel},
                        "channel:edit");
    };
    const std::string anywhere = scope_token({"channel:edit"});
    const std::string here = scope_token({"channel:edit"}, {"main"});
    const std::string manager = resource_token({{"main", Level::manage}});
    const std::string writer = resource_token({{"main", Level::write}});

    check_same("anywhere", code(edit("main"), known(anywhere)), "granted");
    check_same("here", code(edit("main/dev"), known(here)), "granted");
    check_same("elsewhere", code(edit("lab"), known(here)),
               "channel_not_granted");
    check_same("nowhere", code(edit(""), known(anywhere)),
               "channel_not_granted");
    check_same("manager", code(edit("main"), known(manager)), "granted");
    check_same("writer", code(edit("main"), known(writer)), "level_too_low");
    check_same("manager elsewhere", code(edit("lab"), known(manager)),
               "channel_not_granted");
    check_same("manager nowhere", code(edit(""), known(manager)),
               "channel_not_granted");
}

void an_account_wide_scope_is_out_of_reach_of_channels(void** /*state*/)
{
    for (const std::string name :
         {"channel:create", "channel.default-channel:edit", "cve:view",
          "user.token:edit", "system:delete-blobs", "role:view",
          "mirror:view"}) {
        const auto asked = question(Method::post, nowhere, name);
        const std::string holder = scope_token({name}, {"lab"});
        const std::string other = scope_token({"artifact:download"});
        const std::string manager = resource_token({{"main", Level::manage}});
        check_same(name, code(asked, known(holder)), "granted");
        check_same(name, code(asked, known(other)), "scope_missing");
        check_same(name, code(asked, known(manager)), "scope_missing");
    }
}

void held_level_is_told_on_denials_too(void** /*state*/)
{
    const std::string grants =
        resource_token({{"main", Level::read}, {"main/dev", Level::write}});
    const auto denied = psm::decide(question(Method::remove, package_below),
                                    known(grants), ChannelPrivacy::closed, now);
    check_equal("reason", denied.reason, Reason::level_too_low);
    check_equal("level", denied.held, Level::write);
    check_same("grant", denied.grant, "main/dev");

    const std::string dead = resource_token({{"main", Level::read}}, 1);
    const auto expired = psm::decide(question(Method::get, package),
                                     known(dead), ChannelPrivacy::closed, now);
    check_equal("expired", expired.held, Level::read);

    const std::string scopes = scope_token({"artifact:create", "cve:edit"});
    const auto missing =
        psm::decide(question(Method::get, package), known(scopes),
                    ChannelPrivacy::closed, now);
    check_equal("reason", missing.reason, Reason::scope_missing);
    check_equal("scopes", missing.held, Level::write);
    check_same("no grant", missing.grant, "");

    const auto root = psm::decide(question(Method::get, nowhere), known(scopes),
                                  ChannelPrivacy::closed, now);
    check_equal("root", root.held, Level::none);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(methods_have_their_levels),
        cmocka_unit_test(a_floor_raises_what_the_method_needs),
        cmocka_unit_test(the_most_specific_grant_decides),
        cmocka_unit_test(indexes_open_to_view_or_download),
        cmocka_unit_test(a_named_scope_minds_the_channel_it_is_bound_to),
        cmocka_unit_test(an_account_wide_scope_is_out_of_reach_of_channels),
        cmocka_unit_test(held_level_is_told_on_denials_too),
    };
    return cmocka_run_group_tests_name("policy_rights", tests, nullptr,
                                       nullptr);
}
