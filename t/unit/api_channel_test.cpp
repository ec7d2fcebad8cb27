// SPDX-License-Identifier: BSD-2-Clause
//
// The account and its channels.

#include "api_bench.hpp"

namespace {

using bench::Answer;
using bench::ApiBench;
using bench::json;
using bench::outcome;
using bench::person;
using bench::Shown;

void an_account_says_what_it_may_hand_out(void** /*state*/)
{
    ApiBench bench;
    bench.user("alice", R"(,"resources":{"main":"write","lab/x":"read"},)"
                        R"("scopes":["user.token:edit","artifact:download"],)"
                        R"("channels":["main"])");
    const Answer mine = bench.ask("GET", "/account", person("alice"));
    check_same("name", mine.content["username"].get<std::string>(), "alice");
    check_same("id", mine.content["user_id"].get<std::string>(), "alice");
    check_same("roles", mine.content["roles"].dump(), "[]");
    check_that("default channel",
               mine.content["default_channel_name"].is_null());
    check_same(
        "grants", mine.content["grants"].dump(),
        json::parse(R"({"everything":false,"resources":[)"
                    R"({"channel":"lab/x","permission":"read"},)"
                    R"({"channel":"main","permission":"write"}],)"
                    R"("scopes":["artifact:download","user.token:edit"],)"
                    R"("channels":["main"]})")
            .dump());
    const Shown token = bench.token(
        "alice", R"("scopes":["user.token:edit","cve:view"],)"
                 R"("channels":["main/dev","other"],"expires":1790000060)");
    const Answer cut = bench.ask("GET", "/account", token);
    check_same("cut", cut.content["grants"]["scopes"].dump(),
               R"(["user.token:edit"])");
    check_same("reach", cut.content["grants"]["channels"].dump(),
               R"(["main/dev"])");
    check_same("until", cut.content["latest_expires_at"].get<std::string>(),
               "2026-09-21T14:14:20Z");
    check_same("its id", cut.content["token"]["id"].get<std::string>(),
               token.id);

    const Shown reader = bench.token("alice", R"("resources":{"main":"read"})");
    const Answer nothing = bench.ask("GET", "/account", reader);
    check_same("hands out nothing",
               nothing.content["grants"]["scopes"].dump() +
                   nothing.content["grants"]["resources"].dump(),
               "[][]");
    const Answer root = bench.ask("GET", "/account", person("root", true));
    check_same("roles", root.content["roles"].dump(), R"(["admin"])");
    check_that("everything", root.content["grants"]["everything"].get<bool>());
    check_equal("scopes", root.content["grants"]["scopes"].size(), 37);
}

/// A client of PSM makes its token with all scopes that are listed.
void listed_scopes_can_be_handed_out(void** /*state*/)
{
    for (const char* const more :
         {"", R"(,"channels":["main"])", R"(,"channels":["a","b/c"])"}) {
        ApiBench bench;
        const Shown token = bench.token(
            "alice", std::string(R"("scopes":["user.token:edit",)"
                                 R"("artifact:download","channel:view"])") +
                         more);
        const Answer listed = bench.ask("GET", "/account/scopes", token);
        check_equal(more, listed.content["scopes"].size(), 3);
        const Answer made =
            bench.ask("POST", "/account/tokens", token,
                      R"({"name":"n","expires_at":"2026-12-01","scopes":)" +
                          listed.content["scopes"].dump() + "}");
        check_same(more, outcome(made), "200");
    }
    ApiBench bench;
    const Answer none =
        bench.ask("GET", "/account/scopes",
                  bench.token("alice", R"("scopes":["artifact:download"])"));
    check_same("who makes none", none.content["scopes"].dump(), "[]");
}

void channels_are_those_of_the_caller(void** /*state*/)
{
    struct Case {
        const char* label;
        Shown shown;
        const char* target;
        const char* items;
        int total;
    };

    ApiBench bench;
    bench.channel("main", "public");
    bench.channel("lab", "authenticated");
    bench.channel("secret", "private");
    bench.redis.strings["psm:c:lab/broken"] = "{}";
    bench.redis.sets["psm:ix:c"].insert("lab/broken");
    bench.user("alice", R"(,"resources":{"main/dev":"write","lab":"read"})");
    bench.user("ada", R"(,"admin":true)");
    const Case cases[] = {
        {"alice", person("alice"), "",
         "lab:authenticated:read lab/broken:invalid:read "
         "main/dev:public:write ",
         3},
        {"a part", person("alice"), "?offset=1&limit=1",
         "lab/broken:invalid:read ", 3},
        {"without subchannels", person("alice"),
         "?include_subchannels=false&offset=0&limit=100",
         "lab:authenticated:read ", 1},
        {"nobody special", person("bob"), "", "", 0},
        {"root", person("root", true), "",
         "lab:authenticated:manage lab/broken:invalid:manage "
         "main:public:manage secret:private:manage ",
         4},
        {"a token of hers",
         bench.token("ada", R"("scopes":["user.token:edit"])"), "",
         "lab:authenticated:manage lab/broken:invalid:manage "
         "main:public:manage secret:private:manage ",
         4},
        {"a reader, who hands out nothing",
         bench.token("alice", R"("resources":{"lab":"read"})"), "",
         "lab:authenticated:- lab/broken:invalid:- ", 2},
        {"a scope that acts there",
         bench.token("carl", R"("scopes":["channel:view"],)"
                             R"("channels":["secret/sub"])"),
         "", "secret/sub:private:- ", 1},
        {"a scope that acts on no channel",
         bench.token("carl", R"("scopes":["cve:view"])"), "", "", 0},
    };
    for (const Case& c : cases) {
        const Answer answer = bench.ask(
            "GET", std::string("/account/channels") + c.target, c.shown);
        std::string items;
        for (const json& item : answer.content["items"]) {
            items += item["name"].get<std::string>() + ":" +
                     item["privacy"].get<std::string>() + ":" +
                     (item["permission"].is_null()
                          ? "-"
                          : item["permission"].get<std::string>()) +
                     " ";
        }
        check_same(c.label, items, c.items);
        check_equal(c.label, answer.content["total_count"].get<int>(), c.total);
    }
}

struct ChannelCase {
    const char* label;
    Shown shown;
    const char* path;
    const char* get;
    const char* put;
};

void channels_are_changed_by_those_who_may(void** /*state*/)
{
    ApiBench bench;
    bench.user("mara", R"(,"resources":{"main":"manage","lab":"write"})");
    bench.user("root", R"(,"admin":true)");
    const char* const both =
        R"("scopes":["user.token:view","user.token:edit"])";
    const auto scope = [&bench](const std::string& name,
                                const std::string& reach = "") {
        return bench.token(
            "bob",
            R"("scopes":[")" + name + "\"]" +
                (reach.empty() ? "" : R"(,"channels":[")" + reach + "\"]"));
    };
    const char* const no = "403 channel_not_granted";
    const char* const low = "403 level_too_low";
    const ChannelCase cases[] = {
        {"a stranger", person("bob"), "main", no, no},
        {"a manager", person("mara"), "main", "200", "200"},
        {"below", person("mara"), "main/dev", "200", "200"},
        {"as PSM writes it", person("mara"), "main/subchannels/dev", "200",
         "200"},
        {"a writer", person("mara"), "lab", "200", low},
        {"another name", person("mara"), "main2", no, no},
        {"an administrator", person("root", true), "any", "200", "200"},
        {"channel:edit", scope("channel:edit"), "main", "200", "200"},
        {"not of subchannels", scope("channel:edit"), "main/dev", "200", low},
        {"subchannel:edit", scope("subchannel:edit"), "main/dev", "200", "200"},
        {"not of channels", scope("subchannel:edit"), "main", "200", low},
        {"out of reach", scope("channel:edit", "lab"), "main", no, no},
        {"in reach", scope("channel:edit", "lab"), "lab", "200", "200"},
        {"channel:view", scope("channel:view"), "main", "200", low},
        {"user.token:edit", scope("user.token:edit"), "main", no, no},
        {"a resource token",
         bench.token("bob", R"("resources":{"main":"manage"})"), "main", "200",
         "200"},
        {"one that reads", bench.token("bob", R"("resources":{"main":"read"})"),
         "main", "200", low},
        {"an administrator's token", bench.token("root", both), "any", "200",
         "200"},
        {"one that makes no tokens",
         bench.token("root", R"("scopes":["user.token:view"])"), "any", no, no},
        {"one cut by its owner",
         bench.token("mara", R"("resources":{"lab":"manage"})"), "lab", "200",
         low},
    };
    for (const ChannelCase& c : cases) {
        const std::string target = std::string("/channels/") + c.path;
        check_same(c.label, outcome(bench.ask("GET", target, c.shown)), c.get);
        check_same(c.label,
                   outcome(bench.ask("PUT", target, c.shown,
                                     R"({"privacy":"public"})")),
                   c.put);
    }
}

void a_channel_tells_its_privacy(void** /*state*/)
{
    ApiBench bench;
    const Shown root = person("root", true);
    bench.channel("main", "authenticated");
    const auto get = [&](const std::string& path) {
        const json content =
            bench.ask("GET", "/channels/" + path, root).content;
        const json& source = content["privacy_source"];
        return content["name"].get<std::string>() + " " +
               content["privacy"].get<std::string>() + " " +
               (source.is_null() ? "-" : source.get<std::string>());
    };
    check_same("own", get("main"), "main authenticated main");
    check_same("parent's", get("main/dev"), "main/dev authenticated main");
    check_same("PSM's form", get("main/subchannels/dev"),
               "main/dev authenticated main");
    check_same("a subchannel of that name", get("main/subchannels"),
               "main/subchannels authenticated main");
    check_same("default", get("lab"), "lab private -");
    bench.redis.strings["psm:c:main"] = "{}";
    check_same("damaged", get("main"), "main invalid main");

    const Answer first =
        bench.ask("PUT", "/channels/lab", root, R"({"privacy":"public"})");
    check_same("name", first.content["name"].get<std::string>(), "lab");
    check_same("privacy", first.content["privacy"].get<std::string>(),
               "public");
    check_that("changed", first.content["changed"].get<bool>());
    const std::size_t changes = bench.redis.changes;
    const Answer second =
        bench.ask("PUT", "/channels/lab", root, R"({"privacy":"public"})");
    check_that("not again", !second.content["changed"].get<bool>());
    check_equal("changes", bench.redis.changes, changes);
    check_same("record", bench.redis.strings["psm:c:lab"],
               R"({"v":1,"privacy":"public"})");

    struct Bad {
        const char* body;
        const char* fields;
    };

    const Bad bodies[] = {
        {"", ""},
        {"[]", ""},
        {"{", ""},
        {"{} {}", ""},
        {"{}", "privacy"},
        {R"({"privacy":null})", "privacy"},
        {R"({"privacy":"secret"})", "privacy"},
        {R"({"privacy":["public"]})", "privacy"},
        {R"({"privacy":"public","privacy":"private"})", "privacy"},
        {R"({"indexing_behavior":"frozen"})", "indexing_behavior"},
        {R"({"privacy":"public","admin":true})", "admin"},
    };
    for (const Bad& bad : bodies) {
        const Answer answer = bench.ask("PUT", "/channels/lab", root, bad.body);
        check_same(bad.body, outcome(answer), "400 request_invalid");
        check_same(bad.body, answer.fields(), bad.fields);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_account_says_what_it_may_hand_out),
        cmocka_unit_test(listed_scopes_can_be_handed_out),
        cmocka_unit_test(channels_are_those_of_the_caller),
        cmocka_unit_test(channels_are_changed_by_those_who_may),
        cmocka_unit_test(a_channel_tells_its_privacy),
    };
    return cmocka_run_group_tests_name("api_channel", tests, nullptr, nullptr);
}
