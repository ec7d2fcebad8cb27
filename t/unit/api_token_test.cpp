// SPDX-License-Identifier: BSD-2-Clause
//
// Tokens made, edited, re-issued and deleted by the API.

#include "api_bench.hpp"
#include "clock_text.hpp"

namespace {

using bench::Answer;
using bench::ApiBench;
using bench::day;
using bench::hex_digest;
using bench::json;
using bench::now;
using bench::outcome;
using bench::person;
using bench::Shown;

constexpr const char* manager = R"("scopes":["user.token:view",)"
                                R"("user.token:edit","artifact:download"])";

std::string text_of(const json& content, const char* key)
{
    return content.contains(key) && content[key].is_string()
               ? content[key].get<std::string>()
               : "";
}

std::string time_text(std::int64_t time)
{
    return psm::format_time(time);
}

void a_new_token_is_stored_and_shown_once(void** /*state*/)
{
    ApiBench bench;
    const Shown alice = bench.token("alice", manager);
    const Answer answer =
        bench.ask("POST", "/account/tokens", alice,
                  R"({"name":"ci","scopes":["artifact:download"],)"
                  R"("channels":["main"],"description":"nightly"})");
    check_same("outcome", outcome(answer), "200");
    check_same("ETag", answer.header("ETag"), "\"1\"");
    const std::string token = text_of(answer.content, "token");
    check_that("a token", psm::is_own_token(token));
    const std::string id = text_of(answer.content, "id");
    const json record = bench.record(id);
    const json expected{{"v", 1},
                        {"id", id},
                        {"rev", 1},
                        {"name", "ci"},
                        {"owner", "alice"},
                        {"type", "scope"},
                        {"scopes", {"artifact:download"}},
                        {"channels", {"main"}},
                        {"created", now},
                        {"expires", now + 30 * day},
                        {"desc", "nightly"},
                        {"by", alice.id}};
    check_same("record", record.dump(), expected.dump());
    check_same("where", bench.redis.strings.at("psm:i:" + id),
               hex_digest(token));
    const Answer shown = bench.ask("GET", "/account/tokens/" + id, alice);
    check_same("shown", outcome(shown), "200");
    check_that("without the token", !shown.content.contains("token"));
    json same = answer.content;
    same.erase("token");
    check_same("the same", shown.content.dump(), same.dump());
    for (const auto& command : bench.redis.seen) {
        for (const std::string& word : command) {
            check_that("no token in Redis",
                       word.find(token) == std::string::npos);
        }
    }
    const auto& entry = bench.redis.streams["psm:audit"].back();
    const std::map<std::string, std::string> fields(entry.begin(), entry.end());
    check_same("who", fields.at("who"), "alice");
    check_same("by which token", fields.at("token"), alice.id);
    check_same("what", fields.at("what"), "create");
    check_same("whom", fields.at("id"), id);
    check_same("request", fields.at("request"), bench.request.request_id);
    check_same("client", fields.at("client"), bench.request.client);
}

void expiry_has_bounds(void** /*state*/)
{
    struct Case {
        const char* label;
        std::string expires; // a member, or ""
        bool by_token;       // of one that lives 100 days
        std::string outcome;
        std::int64_t days;
    };

    const auto in = [](std::int64_t time) {
        return R"(,"expires_at":")" + time_text(time) + '"';
    };
    const Case cases[] = {
        {"default", "", false, "200", 30},
        {"default of a token", "", true, "200", 30},
        {"as said", in(now + 7 * day), false, "200", 7},
        {"a date", R"(,"expires_at":"2026-10-01")", false, "200", 0},
        {"the longest", in(now + 365 * day), false, "200", 365},
        {"longer", in(now + 365 * day + 1), false, "400 request_invalid", 0},
        {"never", R"(,"expires_at":null)", false, "400 request_invalid", 0},
        {"past", in(now), false, "400 request_invalid", 0},
        {"as long as the maker's", in(now + 100 * day), true, "200", 100},
        {"longer than the maker's", in(now + 100 * day + 1), true,
         "403 grants_exceeded", 0},
    };
    for (const Case& c : cases) {
        ApiBench bench;
        const Shown who =
            c.by_token ? bench.token("root", manager) : person("root", true);
        const Answer answer = bench.ask(
            "POST", "/account/tokens", who,
            R"({"name":"ci","scopes":["artifact:download"])" + c.expires + "}");
        check_same(c.label, outcome(answer), c.outcome);
        check_same(c.label, answer.fields(),
                   answer.status == 200 ? "" : "expires_at");
        if (c.days > 0) {
            check_same(c.label, text_of(answer.content, "expires_at"),
                       time_text(now + c.days * day));
        }
    }
}

void expiry_is_without_bounds_where_it_is_configured(void** /*state*/)
{
    const std::string body = R"({"name":"ci","resources":[)"
                             R"({"channel":"main","permission":"read"}])";
    ApiBench free({.max_age = 0, .default_age = 3600});
    const Shown root = person("root", true);
    const Answer never = free.ask("POST", "/account/tokens", root,
                                  body + R"(,"expires_at":null})");
    check_same("never", outcome(never), "200");
    check_that("never", never.content["expires_at"].is_null());
    const Answer plain = free.ask("POST", "/account/tokens", root, body + "}");
    check_same("the default is another", text_of(plain.content, "expires_at"),
               time_text(now + 3600));
    const Shown short_lived =
        free.token("root", std::string(manager) + R"(,"expires":1790000060)");
    const Answer child =
        free.ask("POST", "/account/tokens", short_lived,
                 R"({"name":"ci","scopes":["artifact:download"]})");
    check_same("it is cut by the maker's", text_of(child.content, "expires_at"),
               time_text(now + 60));
}

void reach_is_that_of_the_maker_unless_it_is_said(void** /*state*/)
{
    ApiBench bench;
    const Shown alice = bench.token(
        "alice", std::string(manager) + R"(,"channels":["main","lab"])");
    const std::string body = R"({"name":"ci","scopes":["artifact:download"])";
    const Answer answer =
        bench.ask("POST", "/account/tokens", alice, body + "}");
    check_same("reach", answer.content["channels"].dump(), R"(["main","lab"])");
    const Answer wide = bench.ask("POST", "/account/tokens", alice,
                                  body + R"(,"channels":[]})");
    check_same("everywhere", outcome(wide), "403 grants_exceeded");
    check_same("is named", wide.fields(), "channels");
}

void an_edit_keeps_the_string(void** /*state*/)
{
    ApiBench bench;
    const Shown alice = person("alice");
    const Shown old =
        bench.token("alice", R"("resources":{"main":"write"},"extra":[1])");
    const Answer answer = bench.ask("PUT", "/account/tokens/" + old.id, alice,
                                    R"({"name":"new name"})");
    check_same("outcome", outcome(answer), "200");
    check_same("ETag", answer.header("ETag"), "\"2\"");
    check_that("no token", !answer.content.contains("token"));
    check_same("digest", bench.redis.strings.at("psm:i:" + old.id),
               old.caller.digest);
    const json record = bench.record(old.id);
    check_same("name", text_of(record, "name"), "new name");
    check_equal("rev", record["rev"].get<int>(), 2);
    check_same("others' members", record["extra"].dump(), "[1]");
}

void a_reissue_gives_a_new_string(void** /*state*/)
{
    struct Case {
        const char* label;
        const char* body;
        const char* name;
    };

    const Case cases[] = {
        {"empty", "{}", "x"},
        {"no body", "", "x"},
        {"asked for", R"({"reissue":true})", "x"},
        {"with an edit", R"({"reissue":true,"name":"y"})", "y"},
        {"overlap 0", R"({"reissue":true,"overlap":0})", "x"},
    };
    for (const Case& c : cases) {
        ApiBench bench;
        bench.user("alice", R"(,"resources":{"main":"write"})");
        const Shown alice = person("alice");
        const Shown old =
            bench.token("alice", R"("resources":{"main":"write"})");
        const Answer answer =
            bench.ask("PUT", "/account/tokens/" + old.id, alice, c.body);
        check_same(c.label, outcome(answer), "200");
        check_same(c.label, text_of(answer.content, "id"), old.id);
        check_same(c.label, text_of(answer.content, "name"), c.name);
        const std::string token = text_of(answer.content, "token");
        check_that(c.label, psm::is_own_token(token));
        check_same(c.label, bench.redis.strings.at("psm:i:" + old.id),
                   hex_digest(token));
        check_equal(c.label, bench.record(old.id)["rev"].get<int>(), 2);
        check_same("the old one is dead",
                   outcome(bench.ask("GET", "/account", old)),
                   "401 token_disabled");
    }
}

void an_old_string_may_overlap(void** /*state*/)
{
    ApiBench bench;
    bench.user("alice", R"(,"resources":{"main":"write"})");
    const Shown alice = person("alice");
    const Shown old = bench.token("alice", R"("resources":{"main":"write"})");
    const std::string path = "/account/tokens/" + old.id;
    const Answer answer =
        bench.ask("PUT", path, alice, R"({"reissue":true,"overlap":3600})");
    check_same("outcome", outcome(answer), "200");
    const Answer twin = bench.ask("GET", "/account/token-info", old);
    check_same("it lives", outcome(twin), "200");
    check_same("for", text_of(twin.content, "superseded_by"), old.id);
    check_same("until", text_of(twin.content, "expires_at"),
               time_text(now + 3600));
    const std::string twin_id = text_of(twin.content, "id");
    check_that("under an id of its own", twin_id != old.id);
    for (const char* const body : {"{}", R"({"name":"y"})"}) {
        const Answer refused =
            bench.ask("PUT", "/account/tokens/" + twin_id, alice, body);
        check_same(body, outcome(refused), "409 token_superseded");
        check_that("names the other",
                   refused.body.find(old.id) != std::string::npos);
    }
    check_same("overlap alone",
               outcome(bench.ask("PUT", path, alice, R"({"overlap":3600})")),
               "400 request_invalid");
    check_same("it dies with the next",
               outcome(bench.ask("PUT", path, alice, "{}")), "200");
    check_same("dead", outcome(bench.ask("GET", "/account", old)),
               "401 token_disabled");
}

void a_reissue_revives_an_expired_token(void** /*state*/)
{
    ApiBench bench;
    const Shown root = person("root", true);
    const Shown old = bench.token(
        "alice", R"("resources":{"main":"write"},"expires":1789999999)");
    const std::string path = "/account/tokens/" + old.id;
    const Answer answer = bench.ask("PUT", path, root, "{}");
    check_same("default", text_of(answer.content, "expires_at"),
               time_text(now + 30 * day));
    const Answer again = bench.ask("PUT", path, root,
                                   R"({"reissue":true,"expires_at":")" +
                                       time_text(now + day) + "\"}");
    check_same("as said", text_of(again.content, "expires_at"),
               time_text(now + day));
    const Answer kept = bench.ask("PUT", path, root, "{}");
    check_same("one that lives keeps it", text_of(kept.content, "expires_at"),
               time_text(now + day));
}

void a_delete_is_idempotent(void** /*state*/)
{
    ApiBench bench;
    const Shown alice = person("alice");
    const Shown old = bench.token("alice", R"("resources":{"main":"write"})");
    const std::string path = "/account/tokens/" + old.id;
    for (int i = 0; i < 2; i++) {
        const Answer answer = bench.ask("DELETE", path, alice);
        check_same("outcome", outcome(answer), "204");
        check_same("body", answer.body, "");
    }
    check_same("the token", outcome(bench.ask("GET", "/account", old)),
               "401 token_disabled");
    const Answer shown = bench.ask("GET", path, alice);
    check_same("deleted_at", text_of(shown.content, "deleted_at"),
               time_text(now));
    check_same("no edit", outcome(bench.ask("PUT", path, alice, "{}")),
               "409 token_deleted");
    check_same("never there",
               outcome(bench.ask("DELETE", "/account/tokens/none", alice)),
               "404 not_found");
}

/// A record of another writer: the next rev would be no number of ours.
void the_last_rev_can_be_deleted(void** /*state*/)
{
    ApiBench bench;
    const Shown alice = bench.token("alice", manager);
    const Shown old = bench.token(
        "alice", R"("resources":{"main":"read"},"rev":9223372036854775807)");
    const std::string path = "/account/tokens/" + old.id;
    check_same("edit", outcome(bench.ask("PUT", path, alice, "{}")),
               "400 request_invalid");
    check_same("delete", outcome(bench.ask("DELETE", path, alice)), "204");
    const Answer shown = bench.ask("GET", path, alice);
    check_same("show", outcome(shown), "200");
    check_that("deleted", shown.content.contains("deleted_at"));
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_new_token_is_stored_and_shown_once),
        cmocka_unit_test(expiry_has_bounds),
        cmocka_unit_test(expiry_is_without_bounds_where_it_is_configured),
        cmocka_unit_test(reach_is_that_of_the_maker_unless_it_is_said),
        cmocka_unit_test(an_edit_keeps_the_string),
        cmocka_unit_test(a_reissue_gives_a_new_string),
        cmocka_unit_test(an_old_string_may_overlap),
        cmocka_unit_test(a_reissue_revives_an_expired_token),
        cmocka_unit_test(a_delete_is_idempotent),
        cmocka_unit_test(the_last_rev_can_be_deleted),
    };
    return cmocka_run_group_tests_name("api_token", tests, nullptr, nullptr);
}
