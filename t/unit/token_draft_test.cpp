// SPDX-License-Identifier: BSD-2-Clause
//
// From a body to a draft, and from a draft to a record. What is refused is in
// bad_draft_test.cpp.

#include "draft_samples.hpp"

#include "token_limits.hpp"

#include <set>

namespace {

using psm::DraftKind;
using psm::Level;
using psm::TokenDraft;
using psm::TokenKind;
using psm::TokenRecord;

using samples::fields_of;
using samples::lines_of;
using samples::now;
using samples::read_good;

TokenRecord resource_record()
{
    TokenRecord record;
    record.id = "a-1";
    record.rev = 7;
    record.name = "ci";
    record.owner = "alice";
    record.resources = {{"main", Level::read}};
    record.created = 5;
    record.expires = now + 100;
    record.description = "old";
    record.created_by = "root";
    return record;
}

TokenRecord scope_record()
{
    TokenRecord record = resource_record();
    record.kind = TokenKind::scope;
    record.resources.clear();
    record.scopes = {"cve:view", "not:ours"};
    record.channels = {"main", "dev"};
    return record;
}

TokenRecord edited(const TokenRecord& before, const std::string& json)
{
    TokenRecord after;
    check_same(json,
               lines_of(psm::apply_draft(read_good(json, DraftKind::edit),
                                         before, after)),
               "");
    return after;
}

void resource_bodies_are_read(void** /*state*/)
{
    const TokenDraft draft =
        read_good(R"( {"name":"n\u00e4chtlich \ud83d\ude00","owner":"bob@x",)"
                  R"("description":"","expires_at":"2027-01-31",)"
                  R"("resources":[{"channel":"main","permission":"read"},)"
                  R"({"permission":"manage","channel":"main/dev"}]} )",
                  DraftKind::create);
    check_same("name", draft.name.value_or(""),
               "n\xc3\xa4"
               "chtlich \xf0\x9f\x98\x80");
    check_same("owner", draft.owner.value_or(""), "bob@x");
    check_same("description", draft.description.value_or("x"), "");
    check_equal("expires", draft.expires.value_or(0), 1801353600);
    check_that("resources", draft.resources.has_value());
    check_equal("two", draft.resources->size(), 2);
    check_equal("main", draft.resources->at("main"), Level::read);
    check_equal("main/dev", draft.resources->at("main/dev"), Level::manage);
    check_that("no more", !draft.scopes && !draft.channels && !draft.reissue &&
                              !draft.overlap && !draft.service_account);
}

void scope_bodies_are_read(void** /*state*/)
{
    const TokenDraft draft = read_good(
        R"({"name":"n","expires_at":null,)"
        R"("scopes":["cve:view","artifact:view"],"channels":["b","a"]})",
        DraftKind::create);
    check_equal("never", draft.expires.value_or(0), psm::never_expires);
    const std::vector<std::string> scopes{"cve:view", "artifact:view"};
    const std::vector<std::string> channels{"b", "a"};
    check_that("scopes in their order", draft.scopes == scopes);
    check_that("channels in their order", draft.channels == channels);
    check_that("no resources", !draft.resources);

    check_that("no expiry", !read_good(R"({"name":"n","scopes":["cve:view"]})",
                                       DraftKind::create)
                                 .expires);
    const TokenDraft wide =
        read_good(R"({"name":"n","scopes":["cve:view"],"channels":[]})",
                  DraftKind::create);
    check_that("every channel", wide.channels && wide.channels->empty());
}

void what_clients_of_psm_send_is_understood(void** /*state*/)
{
    const std::string resources =
        R"("resources":[{"channel":"a","permission":"write"}])";
    for (const DraftKind kind : {DraftKind::create, DraftKind::edit}) {
        for (const char* const empty : {"[]", "null"}) {
            const TokenDraft by_scopes =
                read_good(std::string(R"({"name":"n","scopes":["cve:view"],)") +
                              R"("resources":)" + empty + "}",
                          kind);
            check_that(empty, by_scopes.scopes && !by_scopes.resources);
            const TokenDraft by_resources =
                read_good(std::string(R"({"name":"n","scopes":)") + empty +
                              "," + resources + "}",
                          kind);
            check_that(empty, by_resources.resources && !by_resources.scopes);
        }
        const TokenDraft reach = read_good(
            R"({"name":"n",)" + resources + R"(,"channels":[]})", kind);
        check_that("no reach of resources", !reach.channels);
    }
    const TokenDraft nulls = read_good(
        R"({"name":"n","scopes":null,"resources":null})", DraftKind::edit);
    check_that("null is absent", !nulls.scopes && !nulls.resources);
}

void edits_are_read(void** /*state*/)
{
    check_that("{}", read_good("{}", DraftKind::edit).empty());
    const TokenDraft draft =
        read_good(R"({"reissue":true,"overlap":2592000})", DraftKind::edit);
    check_that("reissue", draft.reissue && !draft.empty());
    check_equal("overlap", draft.overlap.value_or(-1), 2592000);
    check_equal("at once",
                read_good(R"({"overlap":0,"reissue":true})", DraftKind::edit)
                    .overlap.value_or(-1),
                0);
    check_that(
        "no re-issue",
        !read_good(R"({"name":"n","reissue":false})", DraftKind::edit).reissue);
}

void service_accounts_own_tokens(void** /*state*/)
{
    const TokenDraft draft =
        read_good(R"({"name":"n","service_account":"main",)"
                  R"("resources":[{"channel":"main","permission":"read"}]})",
                  DraftKind::create);
    TokenRecord before;
    before.id = "a";
    before.owner = "alice";
    before.created_by = "alice";
    TokenRecord after;
    check_same("applied", lines_of(psm::apply_draft(draft, before, after)), "");
    check_same("owner", after.owner, "service-account-channel-main");
    check_same("maker", after.created_by, "alice");
    check_that("the longest channel has one",
               psm::is_owner(psm::service_account_of(std::string(64, 'a'))));
}

void new_records_are_made(void** /*state*/)
{
    TokenRecord before;
    before.id = "a";
    before.owner = "alice";
    before.created = now;
    before.expires = now + 10;
    TokenRecord after;
    const TokenDraft scopes = read_good(
        R"({"name":"n","owner":"bob","scopes":["cve:view"],"channels":["a"],)"
        R"("description":"d"})",
        DraftKind::create);
    check_same("applied", lines_of(psm::apply_draft(scopes, before, after)),
               "");
    check_same("record", psm::encode_token_record(after),
               R"({"v":1,"id":"a","rev":1,"name":"n","owner":"bob",)"
               R"("type":"scope","scopes":["cve:view"],"channels":["a"],)"
               R"("created":1790000000,"expires":1790000010,"desc":"d"})");

    TokenDraft owned{.name = "n"};
    owned.resources.emplace()["a"] = Level::write;
    owned.expires = psm::never_expires;
    check_same("applied", lines_of(psm::apply_draft(owned, before, after)), "");
    check_same("record", psm::encode_token_record(after),
               R"({"v":1,"id":"a","rev":1,"name":"n","owner":"alice",)"
               R"("type":"resource","resources":{"a":"write"},)"
               R"("created":1790000000})");

    before.owner.clear();
    check_same("no owner", lines_of(psm::apply_draft(owned, before, after)),
               ": makes no valid record: \"owner\" is not valid\n");
    check_same("and out is as it was", after.owner, "alice");
}

void edits_change_what_they_name(void** /*state*/)
{
    const TokenRecord before = resource_record();
    TokenRecord after = edited(before, R"({"name":"new"})");
    check_same("name", after.name, "new");
    check_equal("rev", after.rev, 8);
    after.name = before.name;
    after.rev = before.rev;
    check_same("nothing else", psm::encode_token_record(after),
               psm::encode_token_record(before));

    after = edited(before,
                   R"({"resources":[{"channel":"b","permission":"write"}]})");
    const std::map<std::string, Level> wanted{{"b", Level::write}};
    check_that("grants as a whole", after.resources == wanted);
    check_equal("never", edited(before, R"({"expires_at":null})").expires,
                psm::never_expires);
    check_same("emptied", edited(before, R"({"description":""})").description,
               "");
    check_equal("re-issued", edited(before, R"({"reissue":true})").rev, 8);

    const TokenRecord scopes = scope_record();
    after = edited(scopes, R"({"scopes":["role:view"]})");
    check_that("scopes", after.scopes == std::vector<std::string>{"role:view"});
    check_that("their reach stays", after.channels == scopes.channels);
    after = edited(scopes, R"({"channels":[]})");
    check_that("everywhere", after.channels.empty());
    check_that("scopes stay, known or not", after.scopes == scopes.scopes);
}

void the_kind_stays(void** /*state*/)
{
    struct Case {
        TokenRecord before;
        std::string json;
        std::string_view fields;
    };

    const Case cases[] = {
        {resource_record(), R"({"scopes":["cve:view"]})", "scopes"},
        {resource_record(), R"({"scopes":["cve:view"],"channels":["a"]})",
         "scopes channels"},
        {resource_record(), R"({"channels":[]})", "channels"},
        {scope_record(),
         R"({"resources":[{"channel":"b","permission":"write"}]})",
         "resources"},
    };
    for (const Case& c : cases) {
        TokenRecord after;
        const auto problems = psm::apply_draft(
            read_good(c.json, DraftKind::edit), c.before, after);
        check_same(c.json, fields_of(problems), c.fields);
        check_that(c.json, lines_of(problems).find("keeps its kind") !=
                               std::string::npos);
        check_same(c.json, after.id, "");
    }
}

void records_that_cannot_be_are_not_made(void** /*state*/)
{
    TokenRecord last = resource_record();
    last.rev = INT64_MAX;
    TokenRecord after;
    check_that("no rev is left",
               lines_of(psm::apply_draft({.name = "n"}, last, after))
                       .find("its rev is the last") != std::string::npos);

    TokenDraft large{.name = "n"};
    large.resources.emplace();
    const std::string segment(64, 'a');
    for (int i = 0; i < 256; i++) {
        std::string path = "c" + std::to_string(i);
        for (int part = 0; part < 7; part++) {
            path += "/" + segment;
        }
        large.resources->emplace(path, Level::read);
    }
    check_same("by itself",
               lines_of(psm::check_draft(large, DraftKind::create, now)), "");
    check_that("more than a record holds",
               lines_of(psm::apply_draft(large, resource_record(), after))
                   .starts_with("resources: takes more than 64 KiB"));

    TokenRecord empty = resource_record();
    empty.resources.clear();
    check_that("no grant",
               lines_of(psm::apply_draft({.name = "n"}, empty, after))
                   .starts_with("resources: and scopes are empty"));
}

void ids_are_random_uuids(void** /*state*/)
{
    std::set<std::string> seen;
    unsigned variants = 0;
    for (int i = 0; i < 200; i++) {
        const std::string id = psm::make_token_id();
        check_that(id, psm::is_token_id(id) && id.size() == 36);
        check_that(id, id[8] == '-' && id[13] == '-' && id[18] == '-' &&
                           id[23] == '-');
        check_equal(id, id[14], '4');
        const auto variant = std::string_view("89ab").find(id[19]);
        check_that(id, variant != std::string_view::npos);
        variants |= 1U << variant;
        check_that(id, seen.insert(id).second);
    }
    check_equal("all variants of its digit", variants, 15);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(resource_bodies_are_read),
        cmocka_unit_test(scope_bodies_are_read),
        cmocka_unit_test(what_clients_of_psm_send_is_understood),
        cmocka_unit_test(edits_are_read),
        cmocka_unit_test(service_accounts_own_tokens),
        cmocka_unit_test(new_records_are_made),
        cmocka_unit_test(edits_change_what_they_name),
        cmocka_unit_test(the_kind_stays),
        cmocka_unit_test(records_that_cannot_be_are_not_made),
        cmocka_unit_test(ids_are_random_uuids),
    };
    return cmocka_run_group_tests_name("token_draft", tests, nullptr, nullptr);
}
