// SPDX-License-Identifier: BSD-2-Clause
//
// GET /account/tokens: whose tokens, which of them, in what order.

#include "api_bench.hpp"

namespace {

using bench::Answer;
using bench::ApiBench;
using bench::json;
using bench::now;
using bench::outcome;
using bench::person;
using bench::Shown;

void lists_hold_what_is_his(void** /*state*/)
{
    struct Case {
        const char* caller;
        const char* target;
        const char* ids;
    };

    const Case cases[] = {
        {"alice", "", "id-4 id-1"},
        {"alice", "?owner=*", "id-4 id-1"},
        {"alice", "?owner=bob", ""},
        {"alice", "?owner=service-account-channel-main", ""},
        {"alice", "?state=deleted", "id-5"},
        {"alice", "?state=expired", "id-4"},
        {"alice", "?state=active", "id-6 id-1"},
        {"alice", "?q=NIGHT", "id-4"},
        {"alice", "?type=scope", ""},
        {"alice", "?channel=main/dev&type=resource", "id-4 id-1"},
        {"mara", "?owner=service-account-channel-main", "id-3"},
        {"mara", "", ""},
        {"root", "", ""},
        {"root", "?owner=bob", "id-2"},
        {"root", "?owner=*", "damaged id-4 id-3 id-2 id-1"},
        {"root", "?owner=*&state=deleted", "id-5"},
        {"root", "?owner=*&expiring=1w", "id-2"},
        {"root", "?owner=*&q=NIGHT", "id-4"},
        {"root", "?owner=*&type=resource", "id-4 id-3 id-2 id-1"},
        {"root", "?owner=*&channel=lab", ""},
    };
    ApiBench bench;
    bench.user("root", R"(,"admin":true)");
    bench.user("mara", R"(,"resources":{"main":"manage"})");
    const std::string grants = R"("resources":{"main":"read"})";
    bench.token("alice", grants);
    bench.token("bob", grants + R"(,"expires":1790000010)");
    bench.token("service-account-channel-main", grants);
    bench.token("alice", grants + R"(,"expires":1789999999,"name":"Nightly")");
    const Shown dead =
        bench.token("alice", grants + R"(,"deleted":1789999999)");
    bench.token("alice", grants + R"(,"superseded_by":"id-1")");
    bench.keep("damaged", "{}", "alice");
    // As the store has them.
    for (auto* const index : {&bench.redis.zsets["psm:ix:all"],
                              &bench.redis.zsets["psm:ix:o:alice"]}) {
        index->erase(dead.id);
        (*index)["damaged"] = now + 100;
        for (const char* const id : {"id-2", "id-3", "id-4", "id-6"}) {
            if (index->contains(id)) {
                (*index)[id] += id[3] - '0';
            }
        }
    }
    bench.redis.zsets["psm:ix:del"][dead.id] = now - 1;
    bench.redis.zsets["psm:ix:exp"] = {
        {"id-4", now - 1}, {"id-2", now + 10}, {"id-1", now + 8640000}};
    for (const Case& c : cases) {
        const Answer answer = bench.ask(
            "GET", std::string("/account/tokens") + c.target, person(c.caller));
        std::string ids;
        for (const json& item : answer.content["items"]) {
            ids += (ids.empty() ? "" : " ") + item["id"].get<std::string>();
        }
        check_same(std::string(c.caller) + c.target, ids, c.ids);
        check_that(c.target, answer.content["next"].is_null());
    }
}

void lists_come_in_pages(void** /*state*/)
{
    ApiBench bench;
    for (int i = 0; i < 25; i++) {
        const Shown one =
            bench.token(i % 5 == 0 ? "bob" : "alice",
                        R"("resources":{"main":"read"},"name":")" +
                            std::to_string(i) + "\"");
        // Many of one second, as an import makes them.
        bench.redis.zsets["psm:ix:all"][one.id] =
            i < 10 ? now + i : now + 10 + (i - 10) / 4;
    }

    struct Case {
        const char* filter;
        const char* names; // with a bar behind each page
    };

    const Case cases[] = {
        {"", "24 23 22 21 |20 19 18 17 |16 15 14 13 |12 11 10 9 |8 7 6 5 "
             "|4 3 2 1 |0 |"},
        {"&q=2", "24 23 22 21 |20 12 2 |"},
        {"&q=1", "21 19 18 17 |16 15 14 13 |12 11 10 1 |"},
        {"&q=33", "|"},
    };
    for (const Case& c : cases) {
        std::string after;
        std::string names;
        do {
            const Answer answer = bench.ask(
                "GET", "/account/tokens?owner=*&limit=4" + after + c.filter,
                person("root", true));
            check_same(c.filter, outcome(answer), "200");
            for (const json& item : answer.content["items"]) {
                names += item["name"].get<std::string>() + " ";
            }
            names += "|";
            const json& next = answer.content["next"];
            after = next.is_null() ? "" : "&after=" + next.get<std::string>();
        } while (!after.empty() && names.size() < 200);
        check_same(c.filter, names, c.names);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(lists_hold_what_is_his),
        cmocka_unit_test(lists_come_in_pages),
    };
    return cmocka_run_group_tests_name("api_list", tests, nullptr, nullptr);
}
