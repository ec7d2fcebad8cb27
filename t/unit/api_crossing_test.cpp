// SPDX-License-Identifier: BSD-2-Clause
//
// Changes by several at once: If-Match, and what is decided anew.

#include "api_bench.hpp"

#include <functional>

namespace {

using bench::Answer;
using bench::ApiBench;
using bench::json;
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

void if_match_is_obeyed(void** /*state*/)
{
    struct Case {
        const char* value;
        bool matches;
    };

    const Case cases[] = {
        {"", false},
        {",", false},
        {"*", true},
        {" * ", true},
        {"\"3\"", true},
        {"\"1\", \"3\"", true},
        {"\"1\" , \"3\" ,", true},
        {"\"2\"", false},
        {"3", false},
        {"W/\"3\"", false},
        {"\"3", false},
        {"\"33\"", false},
        {"\"1\",\"2\"", false},
    };
    for (const Case& c : cases) {
        ApiBench bench;
        const Shown alice = person("alice");
        const Shown old =
            bench.token("alice", R"("resources":{"main":"write"},"rev":3)");
        const std::string path = "/account/tokens/" + old.id;
        bench.request.if_match = c.value;
        const Answer put =
            bench.ask("PUT", path, alice, R"({"description":"d"})");
        check_same(c.value, outcome(put),
                   c.matches ? "200" : "412 rev_mismatch");
        if (!c.matches) {
            check_equal("rev", put.content["rev"].get<int>(), 3);
            check_same("ETag", put.header("ETag"), "\"3\"");
            check_same(c.value, outcome(bench.ask("DELETE", path, alice)),
                       "412 rev_mismatch");
            check_equal("changes", bench.redis.changes, 0);
        }
    }
}

void a_change_that_is_crossed_is_decided_anew(void** /*state*/)
{
    ApiBench bench;
    const Shown alice = bench.token("alice", manager);
    const Shown old = bench.token("alice", manager);
    const std::string path = "/account/tokens/" + old.id;
    const auto cross = [&] {
        json record = bench.record(old.id);
        record["rev"] = record["rev"].get<int>() + 1;
        record["desc"] = "theirs";
        bench.redis.strings["psm:t:" + old.caller.digest] = record.dump();
    };
    bench.redis.crossing = cross;
    const Answer answer = bench.ask("PUT", path, alice, R"({"name":"ours"})");
    check_same("outcome", outcome(answer), "200");
    check_equal("rev", answer.content["rev"].get<int>(), 3);
    check_same("theirs", text_of(answer.content, "description"), "theirs");
    check_same("ours", text_of(answer.content, "name"), "ours");

    bench.request.if_match = "\"3\"";
    bench.redis.crossing = cross;
    check_same("who has named a rev is told",
               outcome(bench.ask("PUT", path, alice, "{}")),
               "412 rev_mismatch");
    bench.request.if_match.reset();

    bench.redis.crossing = [&] {
        cross();
        json record = bench.record(alice.id);
        record["disabled"] = true;
        bench.redis.strings["psm:t:" + alice.caller.digest] = record.dump();
    };
    check_same("who has lost his rights meanwhile does nothing",
               outcome(bench.ask("DELETE", path, alice)), "401 token_disabled");

    std::function<void()> always = [&] {
        cross();
        bench.redis.crossing = always;
    };
    bench.redis.crossing = always;
    check_same(
        "it ends",
        outcome(bench.ask("PUT", path, person("alice"), R"({"name":"z"})")),
        "409 changed_meanwhile");
}

/// Whatever he asked for: it is decided anew, by what he is then.
void who_is_revoked_meanwhile_changes_nothing(void** /*state*/)
{
    struct Case {
        const char* method;
        const char* path; // "": of the token that is there
        const char* body;
    };

    const Case cases[] = {
        {"DELETE", "", ""},
        {"PUT", "", R"({"name":"n"})"},
        {"PUT", "", "{}"},
        {"POST", "/account/tokens",
         R"({"name":"n","scopes":["user.token:view"]})"},
        {"PUT", "/channels/main", R"({"privacy":"public"})"},
    };
    for (const Case& c : cases) {
        ApiBench bench;
        bench.user("ada", R"(,"admin":true)");
        const Shown ada = bench.token("ada", manager);
        const Shown old = bench.token("alice", R"("scopes":["cve:view"])");
        const std::string path =
            *c.path != '\0' ? c.path : "/account/tokens/" + old.id;
        const auto before = bench.redis.strings.size();
        bench.redis.crossing = [&] {
            json record = bench.record(ada.id);
            record["disabled"] = true;
            bench.redis.strings["psm:t:" + ada.caller.digest] = record.dump();
        };
        check_same(c.method, outcome(bench.ask(c.method, path, ada, c.body)),
                   "401 token_disabled");
        check_equal("records", bench.redis.strings.size(), before);
        check_that("the token works",
                   !bench.record(old.id).contains("deleted"));

        // The same of a person whose record says less by then.
        bench.redis.crossing = [&] { bench.user("ada", ""); };
        const Answer person_asks =
            bench.ask(c.method, path, person("ada"), c.body);
        check_that(c.method, person_asks.status >= 400);
        check_equal("records", bench.redis.strings.size(), before);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(if_match_is_obeyed),
        cmocka_unit_test(a_change_that_is_crossed_is_decided_anew),
        cmocka_unit_test(who_is_revoked_meanwhile_changes_nothing),
    };
    return cmocka_run_group_tests_name("api_crossing", tests, nullptr, nullptr);
}
