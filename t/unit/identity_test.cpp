// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/identity.hpp"
#include "../../lib/record.hpp"

#include <stdexcept>

namespace {

using psm::Identity;
using psm::Level;
using psm::TokenKind;

psm::TokenRecord resource_record()
{
    psm::TokenRecord record;
    record.id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    record.name = "nightly";
    record.owner = "alice";
    record.resources = {{"main", Level::write},
                        {"main/dev", Level::read},
                        {"main/dev/deep", Level::manage},
                        {"staging/gpu", Level::read}};
    record.expires = 1797776000;
    return record;
}

psm::TokenRecord scope_record()
{
    psm::TokenRecord record;
    record.id = "s";
    record.name = "scopes";
    record.owner = "bob";
    record.kind = TokenKind::scope;
    record.scopes = {"artifact:download", "made:up", "user.token:view"};
    return record;
}

void packed_record_reads_back(void** /*state*/)
{
    const std::string bytes = psm::pack(resource_record());
    const Identity identity(bytes);
    check_that("kind", identity.kind() == TokenKind::resource);
    check_that("disabled", !identity.disabled());
    check_equal("expires", identity.expires(), 1797776000);
    check_that("scopes", identity.scopes().empty());
    check_same("id", identity.id(), "0f8fad5b-d9cb-469f-a165-70867728950e");
    check_same("name", identity.name(), "nightly");
    check_same("owner", identity.owner(), "alice");
    check_same("bytes", identity.bytes(), bytes);
}

void typical_token_is_small(void** /*state*/)
{
    check_that("size", psm::pack(resource_record()).size() <= 150);
}

void bytes_may_lie_at_any_address(void** /*state*/)
{
    const std::string bytes = psm::pack(resource_record());
    for (std::size_t shift = 1; shift < 8; shift++) {
        const std::string moved = std::string(shift, 'x') + bytes;
        const Identity identity(std::string_view(moved).substr(shift));
        check_equal("expires", identity.expires(), 1797776000);
        check_same("grant", identity.grant_on("staging/gpu").path,
                   "staging/gpu");
    }
}

void most_specific_grant_wins(void** /*state*/)
{
    struct Case {
        std::string_view channel;
        std::string_view grant;
        Level level;
    };

    static constexpr Case cases[] = {
        {"main", "main", Level::write},
        {"main/other", "main", Level::write},
        {"main/dev", "main/dev", Level::read},
        {"main/dev/x", "main/dev", Level::read},
        {"main/dev/deep", "main/dev/deep", Level::manage},
        {"main/dev/deep/x", "main/dev/deep", Level::manage},
        {"main/dev2", "main", Level::write},
        {"main2", "", Level::none},
        {"staging", "", Level::none},
        {"staging/gpu", "staging/gpu", Level::read},
        {"staging/gpu2", "", Level::none},
        {"", "", Level::none},
    };
    const std::string bytes = psm::pack(resource_record());
    for (const Case& c : cases) {
        const auto grant = Identity(bytes).grant_on(c.channel);
        check_same(c.channel, grant.path, c.grant);
        check_equal(c.channel, grant.level, c.level);
        check_that(c.channel, !Identity(bytes).reaches(c.channel));
    }
}

void scope_token_reaches_everywhere_or_what_it_names(void** /*state*/)
{
    psm::TokenRecord record = scope_record();
    const std::string everywhere = psm::pack(record);
    check_that("kind", Identity(everywhere).kind() == TokenKind::scope);
    check_that("any", Identity(everywhere).reaches("anything"));
    check_same("grant", Identity(everywhere).grant_on("anything").path, "");

    record.channels = {"main/dev", "lab"};
    const std::string limited = psm::pack(record);
    check_that("named", Identity(limited).reaches("lab"));
    check_that("below", Identity(limited).reaches("main/dev/x"));
    check_that("above", !Identity(limited).reaches("main"));
    check_that("like", !Identity(limited).reaches("lab2"));
    check_that("empty", !Identity(limited).reaches(""));
    check_same("grant", Identity(limited).grant_on("lab").path, "");
}

void unknown_scopes_are_dropped(void** /*state*/)
{
    const std::string bytes = psm::pack(scope_record());
    psm::ScopeSet expected;
    expected.add(*psm::find_scope("artifact:download"));
    expected.add(*psm::find_scope("user.token:view"));
    check_equal("bits", Identity(bytes).scopes().bits(), expected.bits());

    psm::TokenRecord record = scope_record();
    record.scopes = {"made:up"};
    const std::string none = psm::pack(record);
    check_that("none", Identity(none).scopes().empty());
}

void grants_of_the_other_kind_are_not_packed(void** /*state*/)
{
    psm::TokenRecord record = resource_record();
    record.scopes = {"artifact:download"};
    record.channels = {"lab"};
    const std::string bytes = psm::pack(record);
    check_that("scopes", Identity(bytes).scopes().empty());
    check_same("grant", Identity(bytes).grant_on("lab").path, "");
}

void tombstones_are_disabled(void** /*state*/)
{
    psm::TokenRecord record = resource_record();
    record.disabled = true;
    const std::string disabled = psm::pack(record);
    check_that("disabled", Identity(disabled).disabled());
    record.disabled = false;
    record.deleted = 0;
    const std::string deleted = psm::pack(record);
    check_that("deleted", Identity(deleted).disabled());
}

void an_identity_without_a_record_allows_nothing(void** /*state*/)
{
    const Identity identity;
    check_that("disabled", identity.disabled());
    check_equal("expires", identity.expires(), 0);
    check_that("scopes", identity.scopes().empty());
    check_that("kind", identity.kind() == TokenKind::resource);
    check_same("id", identity.id(), "");
    check_same("name", identity.name(), "");
    check_same("owner", identity.owner(), "");
    check_same("grant", identity.grant_on("main").path, "");
    check_that("reach", !identity.reaches("main"));
}

void largest_record_packs(void** /*state*/)
{
    psm::TokenRecord record = resource_record();
    record.resources.clear();
    for (std::size_t i = 0; i < psm::max_resources; i++) {
        record.resources["c" + std::to_string(i)] = Level::read;
    }
    record.id = std::string(64, 'i');
    record.name = std::string(512, 'n');
    record.owner = std::string(128, 'o');
    const std::string bytes = psm::pack(record);
    const Identity identity(bytes);
    check_equal("id", identity.id().size(), 64);
    check_equal("name", identity.name().size(), 512);
    check_equal("owner", identity.owner().size(), 128);
    for (const auto& [path, level] : record.resources) {
        check_same(path, identity.grant_on(path + "/x").path, path);
    }
}

void what_does_not_fit_is_refused_not_cut(void** /*state*/)
{
    psm::TokenRecord record = resource_record();
    record.resources[std::string(70000, 'x')] = Level::read;
    bool thrown = false;
    try {
        static_cast<void>(psm::pack(record));
    } catch (const std::length_error&) {
        thrown = true;
    }
    check_that("thrown", thrown);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(packed_record_reads_back),
        cmocka_unit_test(typical_token_is_small),
        cmocka_unit_test(bytes_may_lie_at_any_address),
        cmocka_unit_test(most_specific_grant_wins),
        cmocka_unit_test(scope_token_reaches_everywhere_or_what_it_names),
        cmocka_unit_test(unknown_scopes_are_dropped),
        cmocka_unit_test(grants_of_the_other_kind_are_not_packed),
        cmocka_unit_test(tombstones_are_disabled),
        cmocka_unit_test(an_identity_without_a_record_allows_nothing),
        cmocka_unit_test(largest_record_packs),
        cmocka_unit_test(what_does_not_fit_is_refused_not_cut),
    };
    return cmocka_run_group_tests_name("identity", tests, nullptr, nullptr);
}
