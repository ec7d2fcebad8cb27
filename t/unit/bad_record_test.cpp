// SPDX-License-Identifier: BSD-2-Clause
//
// Records that must not be believed, not even in part.

#include "check.hpp"
#include "record_samples.hpp"

#include <string>

namespace {

using samples::check_bad;
using samples::check_good;
using samples::decode;
using samples::repeated;
using samples::scope_start;
using samples::swapped;
using samples::with;

void broken_json_is_refused(void** /*state*/)
{
    const std::string good = with("");
    for (std::size_t length = 0; length < good.size(); length++) {
        check_bad(std::string_view(good).substr(0, length));
    }
    const std::string bad[] = {
        "null",
        "1",
        "\"text\"",
        "[]",
        "{}",
        "[" + good + "]",
        good + "x",
        good + good,
        good + ",",
        good + std::string(1, '\0'),
        good + std::string("\0garbage", 8),
        "\xef\xbb\xbf" + good,
        "\xff\xfe" + good,
        "/* comment */" + good,
        with(","),
        with(R"(,"x":NaN)"),
        with(R"(,"x":Infinity)"),
        with(R"(,"x":1e999)"),
        with(R"(,"x":01)"),
        with(R"(,"x":'a')"),
        with(R"(,x:1)"),
        with("// comment\n"),
        with(R"(,"x":"\ud800")"),
        with(",\"x\":\"\xc3\""),
        with(",\"x\":\"\xc0\xae\""),
        with(",\"x\":\"a\nb\""),
        with(R"(,"x":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}})"),
        with(R"(,"x":[[[[[[[[]]]]]]]])"),
        with(",\"x\":" + std::string(30000, '[') + std::string(30000, ']')),
        with(R"(,"desc":")" + std::string(70000, 'd') + "\""),
        with(",\"x\":\"" + std::string(psm::max_record_size, 'd') + "\""),
    };
    for (const std::string& json : bad) {
        check_bad(json);
    }
}

void a_record_may_fill_its_size(void** /*state*/)
{
    const std::string empty = with(R"(,"x":"")");
    const std::size_t room = psm::max_record_size - empty.size();
    check_good(with(R"(,"x":")" + std::string(room, 'x') + "\""));
    check_bad(with(R"(,"x":")" + std::string(room + 1, 'x') + "\""));
}

void repeated_keys_are_refused(void** /*state*/)
{
    for (const std::string_view more :
         {R"(,"v":1)", R"(,"id":"a")", R"(,"name":"n")", R"(,"owner":"o")",
          R"(,"type":"resource")", R"(,"resources":{"main":"read"})",
          R"(,"resources":{"lab":"read"})", R"(,"n\u0061me":"n")",
          R"(,"x":1,"x":1)", R"(,"x":1,"y":2,"\u0078":{})", R"(,"":1,"":1)",
          R"(,"expires":1,"expires":2)"}) {
        check_bad(with(more));
    }
    check_bad(swapped(R"("main":"read")", R"("main":"read","main":"read")"));
    check_bad(
        swapped(R"("main":"read")", R"("main":"read","m\u0061in":"read")"));
    check_bad(swapped(R"("artifact:view")",
                      R"("artifact:view","artifact:view")", scope_start));
    check_bad(
        swapped(R"("artifact:view")", R"("made:up","made:up")", scope_start));
    check_bad(with(R"(,"channels":["main","main"])", scope_start));
}

void missing_members_are_named(void** /*state*/)
{
    struct Case {
        std::string_view part;
        std::string_view problem;
    };

    static constexpr Case cases[] = {
        {R"("v":1,)", "\"v\" is missing"},
        {R"("id":"a",)", "\"id\" is missing"},
        {R"("name":"n",)", "\"name\" is missing"},
        {R"("owner":"o",)", "\"owner\" is missing"},
        {R"("type":"resource",)", "\"type\" is missing"},
        {R"(,"resources":{"main":"read"})", "\"resources\" is missing"},
    };
    for (const Case& c : cases) {
        check_same(c.part, decode(swapped(c.part, "")).value_or(""), c.problem);
    }
    check_same(
        "scopes",
        decode(swapped(R"(,"scopes":["artifact:view"])", "", scope_start))
            .value_or(""),
        "\"scopes\" is missing");
}

void bad_values_are_refused(void** /*state*/)
{
    struct Case {
        std::string_view key;
        std::string_view good; // empty: the record lacks the member
        std::string_view bad;
    };

    static constexpr Case cases[] = {
        {"v", "1", "0"},
        {"v", "1", "2"},
        {"v", "1", "1.0"},
        {"v", "1", "\"1\""},
        {"v", "1", "null"},
        {"v", "1", "true"},
        {"v", "1", "-1"},
        {"v", "1", "[1]"},
        {"v", "1", "18446744073709551617"},
        {"id", "\"a\"", "\"\""},
        {"id", "\"a\"", "\"a b\""},
        {"id", "\"a\"", "\"a_b\""},
        {"id", "\"a\"", "\"a\\n\""},
        {"id", "\"a\"", "1"},
        {"id", "\"a\"", "null"},
        {"name", "\"n\"", "\"\""},
        {"name", "\"n\"", "\"a\\nb\""},
        {"name", "\"n\"", "\"a\\u0000\""},
        {"name", "\"n\"", "\"a\\u007f\""},
        {"name", "\"n\"", "[\"n\"]"},
        {"name", "\"n\"", "{\"n\":\"n\"}"},
        {"owner", "\"o\"", "\"\""},
        {"owner", "\"o\"", "\"a b\""},
        {"owner", "\"o\"", "\"a:b\""},
        {"owner", "\"o\"", "\"a/b\""},
        {"owner", "\"o\"", "\"\\u00e4\""},
        {"owner", "\"o\"", "7"},
        {"type", "\"resource\"", "\"Resource\""},
        {"type", "\"resource\"", "\"\""},
        {"type", "\"resource\"", "\"both\""},
        {"type", "\"resource\"", "1"},
        {"type", "\"resource\"", "[\"resource\"]"},
        {"resources", R"({"main":"read"})", "{}"},
        {"resources", R"({"main":"read"})", "[]"},
        {"resources", R"({"main":"read"})", "null"},
        {"resources", R"({"main":"read"})", "\"main\""},
        {"resources", R"({"main":"read"})", R"(["main"])"},
        {"resources", R"({"main":"read"})", R"({"main":"none"})"},
        {"resources", R"({"main":"read"})", R"({"main":"Read"})"},
        {"resources", R"({"main":"read"})", R"({"main":""})"},
        {"resources", R"({"main":"read"})", R"({"main":1})"},
        {"resources", R"({"main":"read"})", R"({"main":null})"},
        {"resources", R"({"main":"read"})", R"({"main":true})"},
        {"resources", R"({"main":"read"})", R"({"main":["read"]})"},
        {"resources", R"({"main":"read"})", R"({"main":"read","lab":{}})"},
        {"resources", R"({"main":"read"})", R"({"main":{"x":"read"}})"},
        {"resources", R"({"main":"read"})", R"({"":"read"})"},
        {"resources", R"({"main":"read"})", R"({"/main":"read"})"},
        {"resources", R"({"main":"read"})", R"({"main/":"read"})"},
        {"resources", R"({"main":"read"})", R"({"main//x":"read"})"},
        {"resources", R"({"main":"read"})", R"({"*":"read"})"},
        {"resources", R"({"main":"read"})", R"({"main/../x":"read"})"},
        {"resources", R"({"main":"read"})", R"({"main/noarch":"read"})"},
        {"resources", R"({"main":"read"})", R"({"a/b/c/d/e/f/g/h/i":"read"})"},
        {"rev", "", "0"},
        {"rev", "", "-1"},
        {"rev", "", "1.0"},
        {"rev", "", "\"1\""},
        {"rev", "", "9223372036854775808"},
        {"created", "", "-1"},
        {"created", "", "-0"},
        {"created", "", "253402300800"},
        {"created", "", "null"},
        {"expires", "", "-1"},
        {"expires", "", "1.5"},
        {"expires", "", "1e3"},
        {"expires", "", "253402300800"},
        {"expires", "", "18446744073709551615"},
        {"expires", "", "99999999999999999999"},
        {"expires", "", "null"},
        {"expires", "", "\"never\""},
        {"expires", "", "false"},
        {"expires", "", "[1]"},
        {"desc", "", "1"},
        {"desc", "", "null"},
        {"desc", "", "\"a\\u001bb\""},
        {"by", "", "1"},
        {"by", "", "\"a\\nb\""},
        {"disabled", "", "1"},
        {"disabled", "", "0"},
        {"disabled", "", "\"true\""},
        {"disabled", "", "null"},
        {"disabled", "", "[true]"},
        {"deleted", "", "true"},
        {"deleted", "", "-1"},
        {"deleted", "", "1.0"},
        {"deleted", "", "null"},
        {"superseded_by", "", "\"\""},
        {"superseded_by", "", "\"a/b\""},
        {"superseded_by", "", "1"},
    };
    for (const Case& c : cases) {
        const std::string member = "\"" + std::string(c.key) + "\":";
        const std::string bad = member + std::string(c.bad);
        const std::string json =
            c.good.empty() ? with("," + bad)
                           : swapped(member + std::string(c.good), bad);
        check_same(json, decode(json).value_or(""),
                   "\"" + std::string(c.key) + "\" is not valid");
    }
}

void bad_lists_are_refused(void** /*state*/)
{
    for (const std::string_view bad :
         {"[]", "{}", "null", "\"artifact:view\"", "1", "[1]", "[null]",
          R"([["artifact:view"]])", R"(["artifact:view",1])",
          R"({"artifact:view":"read"})", R"([""])", R"(["a\nb"])",
          R"(["artifact:view",{}])"}) {
        check_same(bad,
                   decode(swapped(R"(["artifact:view"])", bad, scope_start))
                       .value_or(""),
                   "\"scopes\" is not valid");
    }
    for (const std::string_view bad :
         {"[]", "{}", "null", "\"main\"", "[1]", "[null]", R"([["main"]])",
          R"([""])", R"(["main/"])", R"(["*"])", R"(["main","t"])",
          R"({"main":"read"})"}) {
        check_same(
            bad,
            decode(with(",\"channels\":" + std::string(bad), scope_start))
                .value_or(""),
            "\"channels\" is not valid");
    }
}

void tokens_hold_grants_of_one_kind(void** /*state*/)
{
    check_bad(with(R"(,"scopes":["artifact:view"])"));
    check_bad(with(R"(,"channels":["main"])"));
    check_bad(with(R"(,"resources":{"main":"read"})", scope_start));
    check_bad(swapped("\"resource\"", "\"scope\""));
    check_bad(swapped("\"scope\"", "\"resource\"", scope_start));
}

/// `count` resources, or the items of a list.
std::string many(std::size_t count, std::string_view value)
{
    std::string text;
    for (std::size_t i = 0; i < count; i++) {
        text += (i == 0 ? "\"c" : ",\"c") + std::to_string(i) + "\"";
        text += value;
    }
    return text;
}

void too_many_or_too_long_is_refused(void** /*state*/)
{
    const std::size_t most = psm::max_resources;
    const std::string_view one = R"("main":"read")";
    const std::string_view scope = R"("artifact:view")";
    check_good(swapped(one, many(most, ":\"read\"")));
    check_bad(swapped(one, many(most + 1, ":\"read\"")));
    check_good(swapped(scope, many(most, ""), scope_start));
    check_bad(swapped(scope, many(most + 1, ""), scope_start));
    check_good(with(",\"channels\":[" + many(most, "") + "]", scope_start));
    check_bad(with(",\"channels\":[" + many(most + 1, "") + "]", scope_start));

    check_bad(swapped("\"n\"", "\"" + std::string(129, 'n') + "\""));
    check_bad(swapped("\"n\"", "\"" + repeated("\xc3\xa4", 129) + "\""));
    check_bad(swapped("\"a\"", "\"" + std::string(65, 'a') + "\""));
    check_bad(swapped("\"o\"", "\"" + std::string(129, 'o') + "\""));
    check_bad(with(R"(,"desc":")" + std::string(1025, 'd') + "\""));
}

void problems_hold_nothing_of_the_input(void** /*state*/)
{
    constexpr std::string_view secret = "SECRET";
    const std::string bad[] = {
        "SECRET",
        with(",\"SECRET\":1,\"SECRET\":2"),
        swapped("\"main\"", "\"SECRET/\""),
        swapped("\"read\"", "\"SECRET\""),
        swapped("\"o\"", "\"SECRET SECRET\""),
        swapped("artifact:view", "SECRET\\n", scope_start),
        with(",\"x\":SECRET"),
        with("SECRET"),
    };
    for (const std::string& json : bad) {
        const auto problem = decode(json);
        check_that(json, problem.has_value() && !problem->empty());
        check_that(json, problem->find(secret) == std::string::npos);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(a_record_may_fill_its_size),
        cmocka_unit_test(repeated_keys_are_refused),
        cmocka_unit_test(missing_members_are_named),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(tokens_hold_grants_of_one_kind),
        cmocka_unit_test(too_many_or_too_long_is_refused),
        cmocka_unit_test(problems_hold_nothing_of_the_input),
    };
    return cmocka_run_group_tests_name("bad_record", tests, nullptr, nullptr);
}
