// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "token_filter.hpp"

#include <string>

namespace {

using psm::Level;
using psm::StoredToken;
using psm::TokenFilter;
using psm::TokenKind;
using psm::TokenRecord;
using psm::TokenState;

constexpr std::int64_t now = 1000000;

/// Made 100 s ago, for 500 s more.
StoredToken resource_token()
{
    StoredToken token;
    token.record.id = "a";
    token.record.name = "Nightly \xc3\x84 builds";
    token.record.owner = "alice";
    token.record.description = "of CI";
    token.record.resources = {{"main", Level::read}, {"dev/x", Level::write}};
    token.record.created = now - 100;
    token.record.expires = now + 500;
    return token;
}

StoredToken scope_token()
{
    StoredToken token = resource_token();
    token.record.kind = TokenKind::scope;
    token.record.resources.clear();
    token.record.scopes = {"cve:view", "not:ours"};
    token.record.channels = {"main"};
    return token;
}

struct Case {
    std::string_view label;
    TokenFilter filter;
    bool of_resources;
    bool of_scopes;
};

void filters_are_kept(void** /*state*/)
{
    const Case cases[] = {
        {"nothing asked", {}, true, true},
        {"owner", {.owner = "alice"}, true, true},
        {"owner's case", {.owner = "Alice"}, false, false},
        {"part of an owner", {.owner = "alic"}, false, false},
        {"channel", {.channel = "main"}, true, true},
        {"below it", {.channel = "main/dev"}, true, true},
        {"another", {.channel = "main2"}, false, false},
        {"a subchannel", {.channel = "dev/x/y"}, true, false},
        {"its parent", {.channel = "dev"}, false, false},
        {"scope", {.scope = "cve:view"}, false, true},
        {"unknown scope", {.scope = "not:ours"}, false, true},
        {"part of a scope", {.scope = "cve"}, false, false},
        {"text in the name", {.text = "BUILD"}, true, true},
        {"in the owner", {.text = "lic"}, true, true},
        {"in the description", {.text = "of ci"}, true, true},
        {"in other letters only ASCII", {.text = "\xc3\x84"}, true, true},
        {"and so not", {.text = "\xc3\xa4"}, false, false},
        {"across", {.text = "buildsalice"}, false, false},
        {"kind", {.kind = TokenKind::resource}, true, false},
        {"the other kind", {.kind = TokenKind::scope}, false, true},
        {"state", {.state = TokenState::active}, true, true},
        {"another state", {.state = TokenState::expired}, false, false},
        {"expiring by then", {.expiring = 500}, true, true},
        {"not so soon", {.expiring = 499}, false, false},
        {"unused since it was made", {.unused = 100}, true, true},
        {"made since", {.unused = 101}, false, false},
        {"all at once",
         {.owner = "alice",
          .channel = "main",
          .scope = "cve:view",
          .text = "ci",
          .kind = TokenKind::scope,
          .state = TokenState::active,
          .expiring = 1000,
          .unused = 50},
         false,
         true},
        {"one of them not",
         {.owner = "bob", .channel = "main", .scope = "cve:view"},
         false,
         false},
    };
    for (const Case& c : cases) {
        check_equal(c.label, psm::matches(c.filter, resource_token(), now),
                    c.of_resources);
        check_equal(c.label, psm::matches(c.filter, scope_token(), now),
                    c.of_scopes);
    }
}

void scopes_without_reach_are_everywhere(void** /*state*/)
{
    StoredToken token = scope_token();
    token.record.channels.clear();
    check_that("any channel", psm::matches({.channel = "other/x"}, token, now));
}

void use_counts(void** /*state*/)
{
    StoredToken token = resource_token();
    token.last_used = now - 10;
    check_that("used since", !psm::matches({.unused = 11}, token, now));
    check_that("not used since", psm::matches({.unused = 10}, token, now));
    token.last_used = now - 5000;
    check_that("made after its use, as a re-issue is",
               !psm::matches({.unused = 101}, token, now));
    token.record.created = 0;
    token.last_used.reset();
    check_that("never", psm::matches({.unused = now}, token, now));
}

void states_are_told(void** /*state*/)
{
    TokenRecord record = resource_token().record;
    check_equal("active", psm::state_of(record, now), TokenState::active);
    check_equal("the last second", psm::state_of(record, now + 499),
                TokenState::active);
    check_equal("expired", psm::state_of(record, now + 500),
                TokenState::expired);
    record.disabled = true;
    check_equal("disabled, expired or not", psm::state_of(record, now + 500),
                TokenState::disabled);
    record.deleted = now;
    check_equal("deleted first", psm::state_of(record, now),
                TokenState::deleted);
    record = TokenRecord{};
    check_equal("never", psm::state_of(record, psm::max_time),
                TokenState::active);

    check_same("active", psm::state_name(TokenState::active), "active");
    check_same("expired", psm::state_name(TokenState::expired), "expired");
    check_same("disabled", psm::state_name(TokenState::disabled), "disabled");
    check_same("deleted", psm::state_name(TokenState::deleted), "deleted");
}

void only_what_lives_expires(void** /*state*/)
{
    StoredToken token = resource_token();
    token.record.expires = psm::never_expires;
    check_that("never", !psm::matches({.expiring = INT64_MAX}, token, now));
    token.record.expires = now;
    check_that("expired", !psm::matches({.expiring = 5}, token, now));
    token.record.expires = now + 1;
    check_that("still", psm::matches({.expiring = 5}, token, now));
    token.record.disabled = true;
    check_that("disabled", !psm::matches({.expiring = 5}, token, now));
    token.record.deleted = now - 1;
    check_that("deleted", !psm::matches({.expiring = 5}, token, now));
    check_that("but asked for",
               psm::matches({.state = TokenState::deleted}, token, now));
}

/// What is in a record that cannot be read may be anybody's.
void broken_records_fulfil_nothing(void** /*state*/)
{
    StoredToken token = resource_token();
    token.problem = "\"type\" is missing";
    check_that("nothing asked", psm::matches({}, token, now));
    const TokenFilter filters[] = {
        {.owner = "alice"},
        {.channel = "main"},
        {.scope = "cve:view"},
        {.text = "ci"},
        {.kind = TokenKind::resource},
        {.state = TokenState::active},
        {.expiring = 1000},
        {.unused = 0},
    };
    for (const TokenFilter& filter : filters) {
        check_that("asked", !psm::matches(filter, token, now));
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_kept),
        cmocka_unit_test(scopes_without_reach_are_everywhere),
        cmocka_unit_test(use_counts),
        cmocka_unit_test(states_are_told),
        cmocka_unit_test(only_what_lives_expires),
        cmocka_unit_test(broken_records_fulfil_nothing),
    };
    return cmocka_run_group_tests_name("token_filter", tests, nullptr, nullptr);
}
