// SPDX-License-Identifier: BSD-2-Clause
//
// The decision by example: each row of the table of reasons, their order, and
// privacy. policy_rights_test.cpp has the rights, policy_table_test.cpp
// compares everything.

#include "check.hpp"
#include "policy_samples.hpp"

#include "../../lib/policy.hpp"

#include <string>

namespace {

using psm::ChannelPrivacy;
using psm::Level;
using psm::Method;
using psm::Reason;
using psm::Standing;
using psm::TargetKind;

using samples::code;
using samples::index_of_main;
using samples::known;
using samples::now;
using samples::nowhere;
using samples::package;
using samples::question;
using samples::resource_token;
using samples::scope_token;

void reasons_have_codes_and_answers_of_the_contract(void** /*state*/)
{
    struct Row {
        Reason reason;
        std::string_view code;
        int status;
    };

    static constexpr Row rows[] = {
        {Reason::token_ambiguous, "token_ambiguous", 401},
        {Reason::token_masked, "token_masked", 401},
        {Reason::token_malformed, "token_malformed", 401},
        {Reason::store_unavailable, "store_unavailable", 503},
        {Reason::token_unknown, "token_unknown", 401},
        {Reason::record_invalid, "record_invalid", 401},
        {Reason::token_disabled, "token_disabled", 401},
        {Reason::token_expired, "token_expired", 401},
        {Reason::token_missing, "token_missing", 401},
        {Reason::action_unknown, "action_unknown", 403},
        {Reason::granted, "granted", 200},
        {Reason::open, "public", 200},
        {Reason::channel_not_granted, "channel_not_granted", 403},
        {Reason::scope_missing, "scope_missing", 403},
        {Reason::level_too_low, "level_too_low", 403},
    };
    check_equal("rows", std::size(rows), psm::reason_count);
    for (std::size_t i = 0; i < psm::reason_count; i++) {
        const Row& row = rows[i];
        check_equal(row.code, row.reason, i);
        check_same(row.code, psm::info(row.reason).code, row.code);
        check_equal(row.code, psm::info(row.reason).status, row.status);
        psm::Decision decision;
        decision.reason = row.reason;
        check_equal(row.code, decision.allow(), row.status == 200);
    }
    check_that("default", !psm::Decision().allow());
}

void a_token_that_fails_fails_loudly_everywhere(void** /*state*/)
{
    struct Row {
        Standing standing;
        std::string_view code;
    };

    static constexpr Row rows[] = {
        {Standing::ambiguous, "token_ambiguous"},
        {Standing::masked, "token_masked"},
        {Standing::malformed, "token_malformed"},
        {Standing::unavailable, "store_unavailable"},
        {Standing::unknown, "token_unknown"},
        {Standing::invalid, "record_invalid"},
    };
    for (const Row& row : rows) {
        for (const ChannelPrivacy privacy :
             {ChannelPrivacy::open, ChannelPrivacy::authenticated,
              ChannelPrivacy::closed, ChannelPrivacy::unavailable}) {
            for (const psm::Target& target : {package, nowhere}) {
                check_same(row.code,
                           code(question(Method::get, target),
                                {row.standing, {}}, privacy),
                           row.code);
            }
        }
    }
}

void without_a_token_only_public_reads_pass(void** /*state*/)
{
    struct Row {
        std::string_view label;
        psm::Question question;
        ChannelPrivacy privacy;
        std::string_view code;
    };

    const auto get = question(Method::get, package);
    const Row rows[] = {
        {"public", get, ChannelPrivacy::open, "public"},
        {"head", question(Method::head, index_of_main), ChannelPrivacy::open,
         "public"},
        {"read floor", question(Method::get, package, "read"),
         ChannelPrivacy::open, "public"},
        {"authenticated", get, ChannelPrivacy::authenticated, "token_missing"},
        {"private", get, ChannelPrivacy::closed, "token_missing"},
        {"unavailable", get, ChannelPrivacy::unavailable, "store_unavailable"},
        {"write", question(Method::put, package), ChannelPrivacy::open,
         "token_missing"},
        {"write unread", question(Method::put, package),
         ChannelPrivacy::unavailable, "token_missing"},
        {"write floor", question(Method::get, package, "write"),
         ChannelPrivacy::open, "token_missing"},
        {"read floor, post", question(Method::post, package, "read"),
         ChannelPrivacy::open, "token_missing"},
        {"named scope", question(Method::get, package, "artifact:download"),
         ChannelPrivacy::open, "token_missing"},
        {"root", question(Method::get, nowhere), ChannelPrivacy::open,
         "token_missing"},
        {"strange method", question(Method::other, package),
         ChannelPrivacy::open, "token_missing"},
        {"bad requirement", question(Method::get, package, "typo"),
         ChannelPrivacy::open, "token_missing"},
    };
    for (const Row& row : rows) {
        check_same(row.label, code(row.question, {}, row.privacy), row.code);
    }
}

void a_token_dies_at_its_second(void** /*state*/)
{
    const std::string bytes = resource_token({{"main", Level::read}}, now);
    const auto asked = question(Method::get, package);
    for (const ChannelPrivacy privacy :
         {ChannelPrivacy::open, ChannelPrivacy::closed}) {
        const auto at = [&](std::int64_t time) {
            return psm::decide(asked, known(bytes), privacy, time).reason;
        };
        check_equal("before", at(now - 1), Reason::granted);
        check_equal("at", at(now), Reason::token_expired);
        check_equal("after", at(now + 1), Reason::token_expired);
    }
    const std::string forever = resource_token({{"main", Level::read}});
    check_equal("never",
                psm::decide(asked, known(forever), ChannelPrivacy::closed,
                            psm::max_time)
                    .reason,
                Reason::granted);
}

void a_revoked_token_is_disabled_before_it_is_expired(void** /*state*/)
{
    psm::TokenRecord record;
    record.resources = {{"main", Level::manage}};
    record.expires = now - 1;
    record.deleted = now - 2;
    const std::string bytes = psm::pack(record);
    for (const psm::Target& target : {package, nowhere}) {
        check_same("revoked",
                   code(question(Method::get, target), known(bytes),
                        ChannelPrivacy::open),
                   "token_disabled");
    }
}

void privacy_widens_reads_only(void** /*state*/)
{
    const auto get = question(Method::get, package);
    const auto put = question(Method::put, package);
    const std::string elsewhere = resource_token({{"lab", Level::manage}});
    const std::string reader = scope_token({"artifact:download"}, {"lab"});
    const std::string writer = scope_token({"artifact:create"}, {"lab"});
    const auto open = ChannelPrivacy::open;
    const auto authenticated = ChannelPrivacy::authenticated;

    check_same("public", code(get, known(elsewhere), open), "public");
    check_same("public, scope", code(get, known(writer), open), "public");
    check_same("write", code(put, known(elsewhere), open),
               "channel_not_granted");
    check_same("write, scope", code(put, known(writer), authenticated),
               "channel_not_granted");
    check_same("a user who may read", code(get, known(reader), authenticated),
               "granted");
    check_same("a user who may not", code(get, known(writer), authenticated),
               "channel_not_granted");
    check_same("a resource token", code(get, known(elsewhere), authenticated),
               "channel_not_granted");
    check_same("out of reach", code(get, known(reader)), "channel_not_granted");
    check_same("named scope",
               code(question(Method::get, package, "artifact:download"),
                    known(reader), authenticated),
               "channel_not_granted");
}

void own_right_needs_no_privacy(void** /*state*/)
{
    const auto get = question(Method::get, package);
    const std::string own = resource_token({{"main", Level::read}});
    const std::string other = resource_token({{"lab", Level::read}});
    const auto lost = ChannelPrivacy::unavailable;
    check_same("own", code(get, known(own), lost), "granted");
    check_same("other", code(get, known(other), lost), "store_unavailable");
    check_same("write",
               code(question(Method::put, package), known(other), lost),
               "channel_not_granted");
}

void requirements_are_read_from_text(void** /*state*/)
{
    using Kind = psm::Requirement::Kind;
    check_equal("auto", psm::parse_requirement("auto").kind, Kind::automatic);
    for (const std::string_view text : {"read", "write", "manage"}) {
        const auto requirement = psm::parse_requirement(text);
        check_equal(text, requirement.kind, Kind::level);
        check_same(text, psm::level_name(requirement.level), text);
    }
    const auto scope = psm::parse_requirement("cve:edit");
    check_equal("scope", scope.kind, Kind::scope);
    check_same("scope", psm::scopes[scope.scope].name, "cve:edit");
    for (const std::string_view text :
         {"", "none", "Auto", "auto ", "cve:", "cve:edit,cve:view", "*"}) {
        check_equal(text, psm::parse_requirement(text).kind, Kind::unknown);
        const std::string bytes = resource_token({{"main", Level::manage}});
        check_same(text,
                   code(question(Method::get, package, text), known(bytes),
                        ChannelPrivacy::open),
                   "action_unknown");
    }
}

void demand_tells_what_would_suffice(void** /*state*/)
{
    const auto demand = psm::demand_of(question(Method::get, index_of_main));
    psm::ScopeSet expected;
    expected.add(*psm::find_scope("artifact:download"));
    expected.add(*psm::find_scope("channel:view-artifacts"));
    check_equal("index", demand.any_of.bits(), expected.bits());
    check_equal("level", demand.level, Level::read);
    check_that("scopes", !demand.by_level);

    const auto floor = psm::demand_of(question(Method::get, package, "write"));
    psm::ScopeSet writers;
    writers.add(*psm::find_scope("artifact:create"));
    check_equal("floor", floor.any_of.bits(), writers.bits());
    check_equal("floor", floor.level, Level::write);
    check_that("floor", floor.by_level);

    const auto wide =
        psm::demand_of(question(Method::get, package, "cve:view"));
    check_equal("account", wide.level, Level::none);
    check_that("account", wide.any_of.has(*psm::find_scope("cve:view")));

    const auto nothing = psm::demand_of(question(Method::other, package));
    check_that("nothing", nothing.any_of.empty());
    check_equal("nothing", nothing.level, Level::none);
}

void only_reads_look_at_privacy(void** /*state*/)
{
    check_that("auto", psm::is_public_read(question(Method::head, package)));
    check_that("floor",
               psm::is_public_read(question(Method::get, package, "read")));
    for (const auto& asked :
         {question(Method::put, package), question(Method::other, package),
          question(Method::get, nowhere),
          question(Method::get, {TargetKind::unknown, "main"}),
          question(Method::get, package, "write"),
          question(Method::post, package, "read"),
          question(Method::get, package, "artifact:download"),
          question(Method::get, package, "typo")}) {
        check_that("other", !psm::is_public_read(asked));
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(reasons_have_codes_and_answers_of_the_contract),
        cmocka_unit_test(a_token_that_fails_fails_loudly_everywhere),
        cmocka_unit_test(without_a_token_only_public_reads_pass),
        cmocka_unit_test(a_token_dies_at_its_second),
        cmocka_unit_test(a_revoked_token_is_disabled_before_it_is_expired),
        cmocka_unit_test(privacy_widens_reads_only),
        cmocka_unit_test(own_right_needs_no_privacy),
        cmocka_unit_test(requirements_are_read_from_text),
        cmocka_unit_test(demand_tells_what_would_suffice),
        cmocka_unit_test(only_reads_look_at_privacy),
    };
    return cmocka_run_group_tests_name("policy", tests, nullptr, nullptr);
}
