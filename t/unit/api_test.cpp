// SPDX-License-Identifier: BSD-2-Clause
//
// Routes, who is nobody, what a refusal looks like, and requests of other
// sites (T111).

#include "api_bench.hpp"

namespace {

using bench::Answer;
using bench::ApiBench;
using bench::day;
using bench::json;
using bench::now;
using bench::outcome;
using bench::person;
using bench::Shown;
using bench::stranger;

constexpr const char* manager =
    R"("scopes":["user.token:view","user.token:edit"])";

void routes_are_matched_as_a_whole(void** /*state*/)
{
    struct Case {
        const char* method;
        const char* path;
        const char* outcome;
        const char* allow;
    };

    ApiBench bench;
    const Shown root = person("root", true);
    const Case cases[] = {
        {"GET", "", "404 route_unknown", ""},
        {"GET", "/", "404 route_unknown", ""},
        {"GET", "/accounts", "404 route_unknown", ""},
        {"GET", "/account/", "404 route_unknown", ""},
        {"GET", "/Account", "404 route_unknown", ""},
        {"GET", "/account/tokens/", "404 route_unknown", ""},
        {"GET", "/account/tokens/a/b", "404 route_unknown", ""},
        {"GET", "/channels", "404 route_unknown", ""},
        {"GET", "/channels/", "404 route_unknown", ""},
        {"GET", "/auth/login", "404 route_unknown", ""},
        {"GET", "/account", "200", ""},
        {"HEAD", "/account", "200", ""},
        {"get", "/account", "405 method_not_allowed", "GET, HEAD"},
        {"POST", "/account", "405 method_not_allowed", "GET, HEAD"},
        {"PATCH", "/account/tokens", "405 method_not_allowed",
         "GET, HEAD, POST"},
        {"POST", "/account/tokens/a", "405 method_not_allowed",
         "GET, HEAD, PUT, DELETE"},
        {"OPTIONS", "/channels/a/b", "405 method_not_allowed",
         "GET, HEAD, PUT"},
        {"GET", "/explain", "405 method_not_allowed", "POST"},
        {"GET", "/account/tokens/a", "404 not_found", ""},
        {"GET", "/channels/a/b", "200", ""},
        {"GET", "/channels/a//b", "404 not_found", ""},
        {"GET", "/channels/t", "404 not_found", ""},
    };
    for (const Case& c : cases) {
        const std::string label = std::string(c.method) + " " + c.path;
        const Answer answer = bench.ask(c.method, c.path, root);
        check_same(label, outcome(answer), c.outcome);
        check_same(label, answer.header("Allow"), c.allow);
        check_same(label, answer.header("Cache-Control"), "no-store");
        check_same(label, answer.header("X-Content-Type-Options"), "nosniff");
        check_same(label, answer.type,
                   answer.status == 200 ? "application/json"
                                        : "application/problem+json");
    }
}

void who_is_nobody_is_told_why(void** /*state*/)
{
    struct Case {
        const char* label;
        Shown shown;
        const char* outcome;
    };

    ApiBench bench;
    const auto standing = [](psm::Standing found) {
        return Shown{.caller = {.standing = found}};
    };
    const Case cases[] = {
        {"nobody", {}, "401 token_missing"},
        {"an administrator without a name", person("", true),
         "401 token_missing"},
        {"two", standing(psm::Standing::ambiguous), "401 token_ambiguous"},
        {"masked", standing(psm::Standing::masked), "401 token_masked"},
        {"malformed", standing(psm::Standing::malformed),
         "401 token_malformed"},
        {"unknown", stranger("psm-nobody"), "401 token_unknown"},
        {"damaged", bench.keep("bad", R"({"v":2})", "alice"),
         "401 record_invalid"},
        {"disabled",
         bench.token("alice", std::string(manager) + R"(,"disabled":true)"),
         "401 token_disabled"},
        {"deleted",
         bench.token("alice",
                     std::string(manager) + R"(,"deleted":1790000000)"),
         "401 token_disabled"},
        {"expired at this moment",
         bench.token("alice",
                     std::string(manager) + R"(,"expires":1790000000)"),
         "401 token_expired"},
        {"good", bench.token("alice", manager), "200"},
        {"a person", person("alice"), "200"},
        {"a person who owns nothing", person("al ice"), "403 user_name"},
    };
    for (const Case& c : cases) {
        const Answer answer = bench.ask("GET", "/account/tokens", c.shown);
        check_same(c.label, outcome(answer), c.outcome);
        const bool came = c.shown.caller.standing != psm::Standing::anonymous;
        check_same(c.label, answer.header("WWW-Authenticate"),
                   answer.status != 401 ? ""
                   : came ? R"(Bearer realm="psm", error="invalid_token")"
                          : R"(Bearer realm="psm")");
    }
    const Answer expired =
        bench.ask("GET", "/account",
                  bench.token("alice", std::string(manager) +
                                           R"(,"expires":1789999999)"));
    check_that("says when",
               expired.body.find("It expired at 2026-09-21T14:13:19Z") !=
                   std::string::npos);
}

void a_token_counts_before_the_person_who_sends_it(void** /*state*/)
{
    ApiBench bench;
    Shown shown = bench.token("bob", R"("resources":{"main":"read"})");
    shown.caller.user = "root";
    shown.caller.admin = true;
    const Answer answer = bench.ask("GET", "/account", shown);
    check_same("user", answer.content["username"].get<std::string>(), "bob");
    check_that("admin", !answer.content["admin"].get<bool>());
    check_same("tokens", outcome(bench.ask("GET", "/account/tokens", shown)),
               "403 scope_missing");
    shown = stranger("psm-nobody");
    shown.caller.user = "root";
    shown.caller.admin = true;
    check_same("a bad one", outcome(bench.ask("GET", "/account", shown)),
               "401 token_unknown");
}

void refusals_have_the_members_that_clients_print(void** /*state*/)
{
    ApiBench bench;
    const Shown root = person("root", true);
    const Answer answer =
        bench.ask("POST", "/account/tokens", root, R"({"name":"","x":1})");
    check_same("outcome", outcome(answer), "400 request_invalid");
    check_same("fields", answer.fields(), "x name resources");
    const json& body = answer.content;
    check_same("type", body["type"].get<std::string>(), "about:blank");
    check_equal("status", body["status"].get<int>(), 400);
    check_same("request", body["request_id"].get<std::string>(),
               bench.request.request_id);
    check_same("instance", body["instance"].get<std::string>(),
               "urn:psm:request:" + bench.request.request_id);
    for (const char* const key :
         {"title", "detail", "reason", "message", "code"}) {
        check_that(key, body[key].is_string() &&
                            !body[key].get<std::string>().empty());
    }
    check_that("no error, which may not be a text", !body.contains("error"));
    check_that("message names the field",
               body["message"].get<std::string>().find("name is empty") !=
                   std::string::npos);

    bench.request.request_id = "\"<x>af\"";
    const Answer gone = bench.ask("GET", "/nowhere", root);
    check_same("only hexadecimal digits",
               gone.content["request_id"].get<std::string>(), "af");
}

void other_sites_cannot_make_a_browser_act(void** /*state*/)
{
    struct Case {
        const char* label;
        const char* type;
        const char* origin;
        const char* person;
        const char* token;
    };

    const Case cases[] = {
        {"no origin", "application/json", "", "200", "200"},
        {"our own", "application/json", "https://psm.example", "200", "200"},
        {"in capitals", "Application/JSON", "https://PSM.example", "200",
         "200"},
        {"with a charset", "application/json ; charset=utf-8", "", "200",
         "200"},
        {"another host", "application/json", "https://evil.example",
         "403 cross_site", "200"},
        {"another port", "application/json", "https://psm.example:8443",
         "403 cross_site", "200"},
        {"another scheme", "application/json", "http://psm.example",
         "403 cross_site", "200"},
        {"a prefix", "application/json", "https://psm.example.evil.example",
         "403 cross_site", "200"},
        {"null", "application/json", "null", "403 cross_site", "200"},
        {"a form", "application/x-www-form-urlencoded", "", "415 media_type",
         "415 media_type"},
        {"a form with files", "multipart/form-data; boundary=x", "",
         "415 media_type", "415 media_type"},
        {"text", "text/plain", "", "415 media_type", "415 media_type"},
        {"text that looks like it", "text/plain; application/json", "",
         "415 media_type", "415 media_type"},
        {"nothing", "", "", "415 media_type", "415 media_type"},
        {"almost", "application/jsonp", "", "415 media_type", "415 media_type"},
    };
    ApiBench bench;
    bench.user("root", R"(,"admin":true)");
    const Shown token = bench.token(
        "root", R"("scopes":["user.token:edit","artifact:download"])");
    const std::string body = R"({"name":"ci","scopes":["artifact:download"]})";
    for (const Case& c : cases) {
        bench.request.content_type = c.type;
        bench.request.origin = c.origin;
        check_same(
            c.label,
            outcome(bench.ask("POST", "/account/tokens", person("root"), body)),
            c.person);
        check_same(c.label,
                   outcome(bench.ask("POST", "/account/tokens", token, body)),
                   c.token);
    }
}

void a_body_alone_needs_a_type(void** /*state*/)
{
    ApiBench bench;
    const Shown alice = person("alice");
    const Shown old = bench.token("alice", R"("resources":{"main":"read"})");
    const std::string path = "/account/tokens/" + old.id;
    bench.request.content_type = "";
    check_same("POST without any",
               outcome(bench.ask("POST", "/account/tokens", alice)),
               "415 media_type");
    check_same("DELETE with one",
               outcome(bench.ask("DELETE", path, alice, "x=1")),
               "415 media_type");
    bench.request.origin = "https://evil.example";
    check_same("DELETE from elsewhere",
               outcome(bench.ask("DELETE", path, alice)), "403 cross_site");
    check_same("GET from elsewhere is only not shown there",
               outcome(bench.ask("GET", path, alice)), "200");
    bench.request.origin = "";
    check_same("DELETE", outcome(bench.ask("DELETE", path, alice)), "204");
    bench.request.content_type = "application/json";
    check_same("too much",
               outcome(bench.ask("POST", "/account/tokens", alice,
                                 std::string(65537, ' '))),
               "413 body_too_large");
}

void reading_changes_nothing(void** /*state*/)
{
    ApiBench bench;
    bench.user("root", R"(,"admin":true)");
    bench.channel("main", "public");
    const Shown root = bench.token("root", R"("scopes":["user.token:view"])");
    for (const std::string& path :
         {std::string("/account"), std::string("/account/scopes"),
          std::string("/account/channels"), std::string("/account/tokens"),
          "/account/tokens/" + root.id, std::string("/account/token-info"),
          std::string("/audit"), std::string("/audit?denied=true")}) {
        for (const char* const method : {"GET", "HEAD"}) {
            check_same(path, outcome(bench.ask(method, path, root)), "200");
        }
    }
    check_equal("changes", bench.redis.changes, 0);
}

void arguments_are_known_or_refused(void** /*state*/)
{
    struct Case {
        const char* target;
        const char* fields;
    };

    const Case cases[] = {
        {"/account?x=1", "arguments"},
        {"/account?", ""},
        {"/account?&&", ""},
        {"/account/tokens?limit=10&limit=10", "limit"},
        {"/account/tokens?limit=ten", "limit"},
        {"/account/tokens?limit=-1", "limit"},
        {"/account/tokens?limit=501", "limit"},
        {"/account/tokens?limit=0", "limit"},
        {"/account/tokens?q=%zz", "q"},
        {"/account/tokens?q=%4", "q"},
        {"/account/tokens?q=%ff", "q"},
        {"/account/tokens?q=a+b%20c", ""},
        {"/account/tokens?after=x", "after"},
        {"/account/tokens?owner=a%20b", "owner"},
        {"/account/tokens?channel=t&scope=x&type=y&state=z&expiring=1&unused=2",
         "channel scope type state expiring unused"},
        {"/account/tokens?channel=", "channel"},
        {"/account/tokens?q", "q"},
        {"/account/channels?limit=0", "limit"},
        {"/audit?after=0", "after"},
        {"/audit?after=(1-0", "after"},
        {"/audit?denied=yes", "denied"},
        {"/account/channels?offset=0&limit=5&include_subchannels=True", ""},
    };
    ApiBench bench;
    const Shown root = person("root", true);
    for (const Case& c : cases) {
        const Answer answer = bench.ask("GET", c.target, root);
        check_same(c.target, outcome(answer),
                   *c.fields == '\0' ? "200" : "400 request_invalid");
        check_same(c.target, answer.fields(), c.fields);
    }
    const Answer answer = bench.ask("GET", "/account?psm-secret=1", root);
    check_that("an unknown one is not repeated",
               answer.body.find("secret") == std::string::npos);
}

void a_lost_redis_is_not_ours_to_explain(void** /*state*/)
{
    ApiBench bench;
    bench.redis.lost = true;
    bool thrown = false;
    try {
        static_cast<void>(bench.ask("GET", "/account", person("alice")));
    } catch (const doubles::RedisLost&) {
        thrown = true;
    }
    check_that("thrown", thrown);

    const psm::ApiResponse reading = psm::unavailable_response("af", false);
    const psm::ApiResponse changing = psm::unavailable_response("af", true);
    check_equal("status", reading.status, 503);
    check_equal("status", changing.status, 503);
    check_same("reading", json::parse(reading.body)["code"].get<std::string>(),
               "store_unavailable");
    check_same("changing",
               json::parse(changing.body)["code"].get<std::string>(),
               "outcome_unknown");
    for (const psm::ApiResponse& response : {reading, changing}) {
        check_that("when to try again",
                   std::ranges::count(response.headers,
                                      std::pair<std::string, std::string>(
                                          "Retry-After", "2")) == 1);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_matched_as_a_whole),
        cmocka_unit_test(who_is_nobody_is_told_why),
        cmocka_unit_test(a_token_counts_before_the_person_who_sends_it),
        cmocka_unit_test(refusals_have_the_members_that_clients_print),
        cmocka_unit_test(other_sites_cannot_make_a_browser_act),
        cmocka_unit_test(a_body_alone_needs_a_type),
        cmocka_unit_test(reading_changes_nothing),
        cmocka_unit_test(arguments_are_known_or_refused),
        cmocka_unit_test(a_lost_redis_is_not_ours_to_explain),
    };
    return cmocka_run_group_tests_name("api", tests, nullptr, nullptr);
}
