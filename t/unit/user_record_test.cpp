// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/record.hpp"
#include "../../lib/user_record.hpp"

#include <string>

namespace {

using psm::Level;
using psm::UserRecord;

constexpr std::string_view both_json =
    R"({"v":1,"resources":{"main":"read","main/dev":"manage"},)"
    R"("scopes":["artifact:download","made:up"],"channels":["lab","lab2/x"]})";

std::string problem_of(std::string_view json)
{
    UserRecord record;
    return psm::decode_user_record(json, record).value_or("");
}

/// Open at the end for more members.
std::string with(std::string_view members)
{
    return R"({"v":1)" + std::string(members) + "}";
}

bool gives_nothing(const UserRecord& record)
{
    return !record.admin && record.resources.empty() && record.scopes.empty() &&
           record.channels.empty();
}

void a_record_with_both_kinds_is_read(void** /*state*/)
{
    UserRecord record;
    check_same("problem",
               psm::decode_user_record(both_json, record).value_or(""), "");
    check_that("admin", !record.admin);
    check_equal("resources", record.resources.size(), 2);
    check_equal("main", record.resources["main"], Level::read);
    check_equal("dev", record.resources["main/dev"], Level::manage);
    check_equal("scopes", record.scopes.size(), 2);
    check_same("unknown", record.scopes[1], "made:up");
    check_equal("channels", record.channels.size(), 2);
    check_same("channel", record.channels[1], "lab2/x");
}

void records_survive_a_round_trip(void** /*state*/)
{
    const std::string records[] = {
        std::string(both_json),
        with(""),
        with(R"(,"admin":true)"),
        with(R"(,"resources":{"main":"write"})"),
        with(R"(,"scopes":["user.token:edit"])"),
        with(R"(,"admin":true,"resources":{"main":"write"},"scopes":["a:b"],)"
             R"("channels":["main"])"),
    };
    for (const std::string& json : records) {
        UserRecord record;
        check_same(json, psm::decode_user_record(json, record).value_or(""),
                   "");
        check_same(json, psm::encode_user_record(record), json);
    }
}

void what_is_not_there_is_not_given(void** /*state*/)
{
    UserRecord record;
    record.admin = true;
    record.resources["main"] = Level::manage;
    record.scopes = {"artifact:view"};
    record.channels = {"main"};
    check_same("problem",
               psm::decode_user_record(with(""), record).value_or(""), "");
    check_that("nothing of before", gives_nothing(record));
    check_same("false", problem_of(with(R"(,"admin":false)")), "");
}

void nothing_is_left_of_a_bad_record(void** /*state*/)
{
    for (const std::string_view more :
         {R"(,"admin":true,"resources":{})", R"(,"admin":true,"scopes":[])",
          R"(,"admin":true,"channels":["main"])",
          R"(,"admin":true,"x":1,"x":1)",
          R"(,"admin":true,"resources":{"a":"read","b":"none"})"}) {
        UserRecord record;
        check_that(more,
                   psm::decode_user_record(with(more), record).has_value());
        check_that(more, gives_nothing(record));
    }
}

void keys_of_others_are_skipped_whole(void** /*state*/)
{
    UserRecord record;
    check_same("problem",
               psm::decode_user_record(
                   with(R"(,"note":{"admin":true,"resources":{"a":"manage"}},)"
                        R"("Admin":true,"x":[["admin"]])"),
                   record)
                   .value_or(""),
               "");
    check_that("nothing", gives_nothing(record));
}

void bad_values_are_named(void** /*state*/)
{
    struct Case {
        std::string_view key;
        std::string_view value;
    };

    static constexpr Case cases[] = {
        {"admin", "1"},
        {"admin", "\"true\""},
        {"admin", "null"},
        {"admin", "[true]"},
        {"admin", "{\"admin\":true}"},
        {"resources", "{}"},
        {"resources", "null"},
        {"resources", R"(["main"])"},
        {"resources", R"({"main":"none"})"},
        {"resources", R"({"main":"Read"})"},
        {"resources", R"({"main":true})"},
        {"resources", R"({"*":"read"})"},
        {"resources", R"({"":"read"})"},
        {"resources", R"({"main/":"read"})"},
        {"resources", R"({"main/noarch":"read"})"},
        {"resources", R"({"main":"read","main":"read"})"},
        {"scopes", "[]"},
        {"scopes", "\"artifact:view\""},
        {"scopes", R"(["artifact:view",1])"},
        {"scopes", R"([""])"},
        {"scopes", R"(["a","a"])"},
        {"channels", "[]"},
        {"channels", R"({"main":"read"})"},
        {"channels", R"(["*"])"},
        {"channels", R"(["main/"])"},
        {"channels", R"(["main","main"])"},
    };
    for (const Case& c : cases) {
        const std::string json =
            with(",\"" + std::string(c.key) + "\":" + std::string(c.value));
        check_same(json, problem_of(json),
                   "\"" + std::string(c.key) + "\" is not valid");
    }
}

void broken_records_are_refused(void** /*state*/)
{
    const std::string good(both_json);
    for (std::size_t length = 0; length < good.size(); length++) {
        const std::string_view part = std::string_view(good).substr(0, length);
        check_that(part, !problem_of(part).empty());
    }
    for (const std::string& json :
         {std::string("null"), "[" + good + "]", good + good, good + "x",
          with(R"(,"v":1)"), with(R"(,"admin":true,"admin":true)"),
          with(R"(,"x":1,"x":2)"), with(",\"x\":\"\xff\""),
          with(",\"x\":\"" + std::string(psm::max_record_size, 'x') + "\"")}) {
        check_that(json.substr(0, 100), !problem_of(json).empty());
    }
}

void versions_and_reach_are_judged(void** /*state*/)
{
    check_same("no version", problem_of(R"({"admin":true})"),
               "\"v\" is missing");
    check_same("empty", problem_of("{}"), "\"v\" is missing");
    for (const std::string_view version : {"0", "2", "\"1\"", "1.0", "true"}) {
        check_same(version, problem_of(R"({"v":)" + std::string(version) + "}"),
                   "\"v\" is not valid");
    }
    // They would be thought to limit the resources.
    check_same("reach of no scopes",
               problem_of(with(R"(,"resources":{"main":"read"},)"
                               R"("channels":["main"])")),
               "\"channels\" does not belong to a user without scopes");
}

void there_is_a_limit_to_grants(void** /*state*/)
{
    const auto many = [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; i++) {
            text += (i == 0 ? "\"c" : ",\"c") + std::to_string(i) + "\"";
        }
        return R"(,"scopes":[)" + text + "]";
    };
    check_same("most", problem_of(with(many(psm::max_resources))), "");
    check_same("too many", problem_of(with(many(psm::max_resources + 1))),
               "\"scopes\" is not valid");
}

void texts_that_are_no_utf8_are_not_written(void** /*state*/)
{
    UserRecord record;
    record.scopes = {"\xff"};
    bool thrown = false;
    try {
        static_cast<void>(psm::encode_user_record(record));
    } catch (const std::exception&) {
        thrown = true;
    }
    check_that("thrown", thrown);
}

void keys_of_others_are_kept(void** /*state*/)
{
    UserRecord record;
    record.scopes = {"cve:view"};
    const std::string plain = psm::encode_user_record(record);
    check_same("new", psm::update_user_record("", record), plain);
    check_same("was none", psm::update_user_record("{", record), plain);
    check_same(
        "was not valid",
        psm::update_user_record(with(R"(,"admin":1,"mail":"x")"), record),
        plain);
    check_same(
        "others",
        psm::update_user_record(
            with(R"(,"admin":true,"mail":"x","more":{"a":[1]})"), record),
        with(R"(,"scopes":["cve:view"],"mail":"x","more":{"a":[1]})"));
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_record_with_both_kinds_is_read),
        cmocka_unit_test(records_survive_a_round_trip),
        cmocka_unit_test(what_is_not_there_is_not_given),
        cmocka_unit_test(nothing_is_left_of_a_bad_record),
        cmocka_unit_test(keys_of_others_are_skipped_whole),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(broken_records_are_refused),
        cmocka_unit_test(versions_and_reach_are_judged),
        cmocka_unit_test(there_is_a_limit_to_grants),
        cmocka_unit_test(texts_that_are_no_utf8_are_not_written),
        cmocka_unit_test(keys_of_others_are_kept),
    };
    return cmocka_run_group_tests_name("user_record", tests, nullptr, nullptr);
}
