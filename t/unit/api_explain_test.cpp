// SPDX-License-Identifier: BSD-2-Clause
//
// POST /explain, and the audit.

#include "api_bench.hpp"

namespace {

using bench::Answer;
using bench::ApiBench;
using bench::json;
using bench::now;
using bench::outcome;
using bench::person;
using bench::Shown;

void explain_asks_the_gate(void** /*state*/)
{
    struct Case {
        const char* label;
        std::string who; // a member, and a comma; "": nobody
        const char* rest;
        const char* reason;
    };

    ApiBench bench;
    bench.channel("pub", "public");
    const Shown root = person("root", true);
    const Shown ci = bench.token("alice", R"("resources":{"main":"write"})");
    const std::string by_id = R"("id":")" + ci.id + R"(",)";
    const std::string by_text = R"("token":")" + ci.text + R"(",)";
    const Case cases[] = {
        {"by id", by_id, R"("method":"GET","url":"/main/x.conda")", "granted"},
        {"by text", by_text, R"("method":"put","url":"https://h/main/x.conda")",
         "granted"},
        {"another channel", by_id, R"("method":"GET","url":"/lab/x.conda")",
         "channel_not_granted"},
        {"by a base", by_id,
         R"("method":"GET","url":"/api/repo/main/x","base":["/api/repo"])",
         "granted"},
        {"a requirement", by_id,
         R"("method":"GET","url":"/main/x","require":"manage")",
         "level_too_low"},
        {"a channel", by_id,
         R"("method":"GET","url":"/any","require":"channel:view",)"
         R"("channel":"main","scope_levels":true)",
         "granted"},
        {"nobody", "", R"("method":"GET","url":"/pub/x")", "public"},
        {"nobody", "", R"("method":"GET","url":"/main/x")", "token_missing"},
        {"null", R"("token":null,)", R"("method":"GET","url":"/main/x")",
         "token_missing"},
        {"a privacy", "",
         R"("method":"GET","url":"/main/x","privacy":"public")", "public"},
        {"unknown", R"("token":")" + psm::generate_token() + R"(",)",
         R"("method":"GET","url":"/main/x")", "token_unknown"},
        {"masked", R"("token":"*****",)", R"("method":"GET","url":"/main/x")",
         "token_masked"},
        {"malformed", R"("token":"psm-x",)",
         R"("method":"GET","url":"/main/x")", "token_malformed"},
        {"foreign", R"("token":"0123456789abcdef0123",)",
         R"("method":"GET","url":"/main/x")", "token_malformed"},
    };
    for (const Case& c : cases) {
        const Answer answer =
            bench.ask("POST", "/explain", root, "{" + c.who + c.rest + "}");
        check_same(c.label, outcome(answer), "200");
        check_same(c.label, answer.content["reason"].get<std::string>(),
                   c.reason);
        check_that(c.label, answer.body.find(ci.text) == std::string::npos);
    }
    check_equal("changes", bench.redis.changes, 0);

    struct Bad {
        const char* body;
        const char* fields;
    };

    const Bad bodies[] = {
        {"{}", "method url"},
        {R"({"method":"GET","url":"main"})", "url"},
        {R"({"method":"G T","url":"/%zz"})", "url method"},
        {R"({"method":"GET","url":"/t/0123456789abcdef/main/x"})", "url"},
        {R"({"method":"GET","url":"/../x"})", "url"},
        {R"({"method":"GET","url":"/x","base":["t","/a","/a/"],)"
         R"("privacy":"x","require":"x","channel":"t"})",
         "base base require privacy channel"},
        {R"({"method":"GET","url":"/x","base":"/a"})", "base"},
        {R"({"method":"GET","url":"/x","base":[1]})", "base[0]"},
        {R"({"method":"GET","url":"/x","scope_levels":1})", "scope_levels"},
        {R"({"method":"GET","url":"/x","id":"a","token":"b"})", "id"},
        {R"({"method":"GET","url":"/x","extra":1})", "extra"},
    };
    for (const Bad& bad : bodies) {
        const Answer answer = bench.ask("POST", "/explain", root, bad.body);
        check_same(bad.body, outcome(answer), "400 request_invalid");
        check_same(bad.body, answer.fields(), bad.fields);
    }
}

void explain_tells_nobody_what_is_not_his(void** /*state*/)
{
    ApiBench bench;
    bench.channel("secret", "private");
    const Shown mine = bench.token("alice", R"("resources":{"main":"read"})");
    const Shown bobs = bench.token("bob", R"("resources":{"main":"read"})");
    const auto ask = [&](const Shown& shown, const std::string& who,
                         const std::string& url) {
        return bench.ask("POST", "/explain", shown,
                         R"({"method":"GET","url":")" + url + "\"" + who + "}");
    };
    const auto id = [](const Shown& shown) {
        return R"(,"id":")" + shown.id + "\"";
    };
    check_same("her own", outcome(ask(person("alice"), id(mine), "/main/x")),
               "200");
    check_same("another's", outcome(ask(person("alice"), id(bobs), "/main/x")),
               "404 not_found");
    check_same("nobody's",
               outcome(ask(person("alice"), R"(,"id":"none")", "/main/x")),
               "404 not_found");
    check_same("a token about itself", outcome(ask(mine, id(mine), "/main/x")),
               "200");
    check_same(
        "but no other",
        outcome(ask(mine,
                    id(bench.token("alice", R"("resources":{"a":"read"})")),
                    "/main/x")),
        "404 not_found");

    json here = ask(person("alice"), "", "/secret/x").content;
    json nowhere = ask(person("alice"), "", "/nothing/x").content;
    for (json* content : {&here, &nowhere}) {
        (*content)["assumed"].erase("channel");
        (*content)["assumed"].erase("path");
    }
    check_same("a private channel is as one that is not there", here.dump(),
               nowhere.dump());
    check_same("an administrator sees the record",
               ask(person("root", true), "", "/secret/x")
                   .content["assumed"]["privacy_source"]
                   .get<std::string>(),
               "record of secret");
}

void the_audit_is_for_administrators(void** /*state*/)
{
    ApiBench bench;
    bench.user("root", R"(,"admin":true)");
    const Shown viewer = bench.token("root", R"("scopes":["user.token:view"])");
    const Shown other =
        bench.token("root", R"("scopes":["artifact:download"])");
    check_same("a person", outcome(bench.ask("GET", "/audit", person("alice"))),
               "403 admin_needed");
    check_same("a token of root that cannot view",
               outcome(bench.ask("GET", "/audit", other)), "403 admin_needed");
    for (const char* const privacy : {"public", "private", "public"}) {
        bench.ask("PUT", "/channels/main", person("root"),
                  R"({"privacy":")" + std::string(privacy) + "\"}");
    }
    const Answer first = bench.ask("GET", "/audit?limit=2", viewer);
    check_equal("items", first.content["items"].size(), 2);
    check_same("what", first.content["items"][0]["what"].get<std::string>(),
               "channel set");
    const std::string next = first.content["next"].get<std::string>();
    const Answer second =
        bench.ask("GET", "/audit?limit=2&after=" + next, viewer);
    check_equal("the rest", second.content["items"].size(), 1);
    check_that("no more", second.content["next"].is_null());
}

/// A flood of refusals is no flood of writes, and holds no secret.
void refusals_are_noted_once_a_second(void** /*state*/)
{
    ApiBench bench;
    const auto& noted = bench.redis.streams["psm:audit:denied"];
    const Shown nobody = bench::stranger(psm::generate_token());
    for (int i = 0; i < 5; i++) {
        bench.ask("GET", "/account", nobody);
    }
    check_equal("one", noted.size(), 1);
    bench.request.now = now + 1;
    bench.ask("DELETE", "/account/tokens/id-7",
              bench.token("alice", R"("resources":{"main":"read"})"));
    check_equal("another", noted.size(), 2);
    const std::map<std::string, std::string> fields(noted[1].begin(),
                                                    noted[1].end());
    check_same("what", fields.at("what"), "denied");
    check_same("who", fields.at("who"), "alice");
    check_same("token", fields.at("token"), "id-1");
    check_same("whom", fields.at("id"), "id-7");
    check_same("after", fields.at("after"),
               R"({"code":"scope_missing","method":"DELETE",)"
               R"("route":"/account/tokens/{id}","left_out":4})");
    bench.request.now = now + 2;
    bench.ask("GET", "/account", {});
    bench.ask("GET", "/nowhere", nobody);
    bench.ask("GET", "/account/tokens/none", person("alice"));
    bench.ask("POST", "/account/tokens", person("alice"), "{");
    check_equal("what is no denial", noted.size(), 2);
    const Answer listed =
        bench.ask("GET", "/audit?denied=true", person("root", true));
    check_equal("listed", listed.content["items"].size(), 2);

    const std::string other(48, 'a');
    for (const std::string& place : {other, nobody.text}) {
        bench.request.now++;
        bench.ask("DELETE", "/account/tokens/" + place, nobody);
    }
    check_equal("tokens for ids", noted.size(), 4);
    for (const auto& entry : noted) {
        for (const auto& [field, value] : entry) {
            check_that("no secret",
                       value.find(nobody.text) == std::string::npos &&
                           value.find(other) == std::string::npos &&
                           value.find(nobody.caller.digest) ==
                               std::string::npos);
        }
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(explain_asks_the_gate),
        cmocka_unit_test(explain_tells_nobody_what_is_not_his),
        cmocka_unit_test(the_audit_is_for_administrators),
        cmocka_unit_test(refusals_are_noted_once_a_second),
    };
    return cmocka_run_group_tests_name("api_explain", tests, nullptr, nullptr);
}
