// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "token_json.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace {

using psm::AuditEntry;
using psm::Level;
using psm::StoredToken;
using psm::StoredUser;

constexpr std::string_view digest =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

StoredToken resource_token()
{
    StoredToken token;
    token.digest = digest;
    token.json = R"({"secret":"of others"})";
    token.record.id = "a-1";
    token.record.rev = 3;
    token.record.name = "ci";
    token.record.owner = "alice";
    token.record.resources = {{"main/dev", Level::manage},
                              {"main", Level::read}};
    token.record.created = 1790000000;
    token.record.expires = 1797776000;
    token.record.description = "nightly";
    token.record.created_by = "root";
    token.last_used = 1790000060;
    return token;
}

void resource_tokens_have_their_shape(void** /*state*/)
{
    check_same(
        "all", psm::dump_json(psm::token_json(resource_token())),
        R"({"id":"a-1","name":"ci","type":"resource","owner":"alice",)"
        R"("resources":[{"channel":"main","permission":"read"},)"
        R"({"channel":"main/dev","permission":"manage"}],)"
        R"("created_at":"2026-09-21T14:13:20Z",)"
        R"("expires_at":"2026-12-20T14:13:20Z","description":"nightly",)"
        R"("last_used_at":"2026-09-21T14:14:20Z","disabled":false,"rev":3,)"
        R"("created_by":"root"})");
}

void scope_tokens_have_their_shape(void** /*state*/)
{
    StoredToken token = resource_token();
    token.record.kind = psm::TokenKind::scope;
    token.record.scopes = {"cve:view", "artifact:view"};
    token.record.created = 0;
    token.record.expires = psm::never_expires;
    token.record.description.clear();
    token.record.disabled = true;
    token.last_used.reset();
    check_same("everywhere", psm::dump_json(psm::token_json(token)),
               R"({"id":"a-1","name":"ci","type":"scope","owner":"alice",)"
               R"("scopes":["cve:view","artifact:view"],"created_at":null,)"
               R"("expires_at":null,"description":"","last_used_at":null,)"
               R"("disabled":true,"rev":3,"created_by":"root"})");

    token.record.channels = {"b", "a"};
    token.record.deleted = 1790000001;
    token.record.superseded_by = "a-2";
    token.record.supersedes = "a-0";
    const auto json = psm::token_json(token);
    check_same("reach", json.at("channels").dump(), R"(["b","a"])");
    check_same("tombstone", json.at("deleted_at").get<std::string>(),
               "2026-09-21T14:13:21Z");
    check_same("newer", json.at("superseded_by").get<std::string>(), "a-2");
    check_same("older", json.at("supersedes").get<std::string>(), "a-0");
    check_that("no resources", !json.contains("resources"));
}

void no_token_and_no_digest_is_shown(void** /*state*/)
{
    const std::string text = psm::dump_json(psm::token_json(resource_token()));
    check_that("digest", text.find(digest.substr(0, 8)) == std::string::npos);
    check_that("the record itself", text.find("secret") == std::string::npos);
}

void channels_and_users_have_theirs(void** /*state*/)
{
    check_same("channel",
               psm::dump_json(psm::channel_json(
                   {.path = "main/dev", .privacy = psm::Privacy::open})),
               R"({"channel":"main/dev","privacy":"public"})");
    check_same("broken",
               psm::dump_json(psm::channel_json({.path = "m", .privacy = {}})),
               R"({"channel":"m","privacy":"invalid"})");

    StoredUser user{.name = "alice", .json = "{}", .record = {}, .problem = {}};
    check_same("nothing", psm::dump_json(psm::user_json(user)),
               R"({"name":"alice","admin":false,"resources":[],"scopes":[]})");
    user.record.admin = true;
    user.record.resources = {{"main", Level::write}};
    user.record.scopes = {"cve:view"};
    user.record.channels = {"main"};
    check_same("all", psm::dump_json(psm::user_json(user)),
               R"({"name":"alice","admin":true,)"
               R"("resources":[{"channel":"main","permission":"write"}],)"
               R"("scopes":["cve:view"],"channels":["main"]})");
}

void audit_entries_have_theirs(void** /*state*/)
{
    AuditEntry entry{.id = "1790000000123-0",
                     .event = {.what = "edit",
                               .id = "a-1",
                               .before = R"({"name":"a"})",
                               .after = R"({"name":"b\r\nwhat: delete"})"},
                     .actor = {.who = "alice",
                               .token = "a-9",
                               .request = "r",
                               .client = "::1",
                               .now = 1790000000}};
    check_same("all", psm::dump_json(psm::audit_json(entry)),
               R"({"id":"1790000000123-0","time":"2026-09-21T14:13:20Z",)"
               R"("what":"edit","subject":"a-1","who":"alice",)"
               R"("token_id":"a-9","client":"::1","request_id":"r",)"
               R"("before":{"name":"a"},)"
               R"("after":{"name":"b\r\nwhat: delete"}})");

    entry = {.id = "1-0", .event = {.what = "denied", .id = {}}, .actor = {}};
    for (const std::string& other :
         {std::string("["), std::string("null"), std::string("[1]"),
          R"({"a":)" + std::string(9000, '[') + std::string(9000, ']') + "}",
          std::string("{\"a\":\"\xff\"}")}) {
        entry.event.before = other;
        check_same(other, psm::dump_json(psm::audit_json(entry)),
                   R"({"id":"1-0","time":"1970-01-01T00:00:00Z",)"
                   R"("what":"denied","subject":null,"who":null,)"
                   R"("token_id":null,"client":null,"request_id":null,)"
                   R"("before":null,"after":null})");
    }
}

void lists_say_what_comes_next(void** /*state*/)
{
    nlohmann::ordered_json items;
    check_same("none", psm::dump_json(psm::list_json(items)),
               R"({"items":[],"next":null})");
    items.push_back(1);
    check_same("more", psm::dump_json(psm::list_json(items, "x")),
               R"({"items":[1],"next":"x"})");
    check_same("for people", psm::dump_json(items, 2), "[\n  1\n]");
    check_same("what is not UTF-8 is replaced",
               psm::dump_json(nlohmann::ordered_json("a\xff\r\n")),
               "\"a\xef\xbf\xbd\\r\\n\"");
    check_same(
        "what steers a terminal has another form",
        psm::dump_json(nlohmann::ordered_json(
            "\x7f \xc2\x9b \xe2\x80\xae \xe2\x81\xa6 \xc3\xa4 \xe2\x82\xac")),
        "\"\\u007f \\u009b \\u202e \\u2066 \xc3\xa4 \xe2\x82\xac\"");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(resource_tokens_have_their_shape),
        cmocka_unit_test(scope_tokens_have_their_shape),
        cmocka_unit_test(no_token_and_no_digest_is_shown),
        cmocka_unit_test(channels_and_users_have_theirs),
        cmocka_unit_test(audit_entries_have_theirs),
        cmocka_unit_test(lists_say_what_comes_next),
    };
    return cmocka_run_group_tests_name("token_json", tests, nullptr, nullptr);
}
