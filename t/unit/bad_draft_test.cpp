// SPDX-License-Identifier: BSD-2-Clause
//
// Bodies that are refused (T107, T118), each problem by its field.

#include "draft_samples.hpp"

namespace {

using psm::DraftKind;
using psm::TokenDraft;

using samples::check_refused;
using samples::lines_of;
using samples::now;
using samples::Refused;
using samples::secret;

/// A body that is good but for `more`.
std::string with(const std::string& more)
{
    return R"({"name":"n","scopes":["cve:view"])" + more + "}";
}

std::string nested(std::size_t depth)
{
    return std::string(depth, '[') + std::string(depth, ']');
}

void what_is_no_json_is_refused(void** /*state*/)
{
    const Refused cases[] = {
        {"", "body", "not JSON from byte 1"},
        {"{", "body", "not JSON from byte 2"},
        {with(","), "body", "not JSON"},
        {with("") + "x", "body", "not JSON from byte 35"},
        {with("") + with(""), "body", "not JSON"},
        {with("") + std::string(1, '\0'), "body", "not JSON"},
        {"\xef\xbb\xbf" + with(""), "body", "not JSON from byte 1"},
        {"{'name':'n'}", "body", "not JSON"},
        {"name=n&scopes=cve:view", "body", "not JSON from byte 1"},
        {with(R"(,"expires_at":NaN)"), "body", "not JSON"},
        {with(R"(,"expires_at":-Infinity)"), "body", "not JSON"},
        {with(R"(,"expires_at":1e999)"), "body", "numbers"},
        {with(R"(,"description":"\ud800")"), "body", "not JSON"},
        {with(R"(,"description":"\udc00\ud800")"), "body", "not JSON"},
        {with(R"(,"\ud83dx":1)"), "body", "not JSON"},
        {with(",\"description\":\"\xff\""), "body", "not UTF-8"},
        {with(",\"description\":\"\xed\xa0\x80\""), "body", "not UTF-8"},
        {with(",\"description\":\"\xc0\xae\""), "body", "not UTF-8"},
        {with(",\"description\":\"a\nb\""), "body", "not JSON"},
        {with(R"(,"x":)" + nested(8)), "x body", "nested deeper than 8"},
        {with(R"(,"scopes":)" + nested(30000)), "scopes body", "nested deeper"},
        {nested(9), "body body", "nested deeper than 8 at byte 9"},
        {with(",\"x\":\"" + std::string(psm::max_record_size, 'd') + "\""),
         "body", "larger than 64 KiB"},
    };
    for (const DraftKind kind : {DraftKind::create, DraftKind::edit}) {
        for (const Refused& c : cases) {
            check_refused(c, kind);
        }
    }
}

void other_values_are_refused(void** /*state*/)
{
    for (const auto& [json, words] :
         {std::pair{"null", "is null: an object"},
          {"true", "is true or false: an object"},
          {"18446744073709551616", "is a number: an object"},
          {"\"{}\"", "is a text: an object"},
          {"[{\"name\":\"n\"}]", "is a list: an object"}}) {
        check_refused({json, "body", words}, DraftKind::create);
        check_refused({json, "body", words}, DraftKind::edit);
    }
}

void members_are_known_and_stand_once(void** /*state*/)
{
    const Refused of_both[] = {
        {with(R"(,"admin":true)"), "admin", "not known here: there are name"},
        {with(R"(,"Name":"m")"), "Name", "not known"},
        {with(R"(,"id":"a","rev":1,"type":"scope")"), "id rev type",
         "not known"},
        {with(R"(,"":1)"), "\"\"", "not known"},
        {with(R"(,"name":"m")"), "name", "given twice"},
        {with(R"(,"n\u0061me":"m")"), "name", "given twice"},
        {with(R"(,"x":{"a":[{"b":1,"c":2,"b":3}]})"), "x x.a[0].b",
         "given twice"},
        {with(R"(,"x":{"a":1,"a":{"b":1,"b":1}})"), "x x.a x.a.b",
         "given twice"},
        {R"({"name":"n","resources":[{"channel":"a","permission":"read",)"
         R"("channel":"b"}]})",
         "resources[0].channel", "given twice"},
        {R"({"name":"n","resources":[{"channel":"a","permission":"read",)"
         R"("x":{"y":1}}]})",
         "resources[0].x", "there are channel, permission"},
    };
    for (const Refused& c : of_both) {
        check_refused(c, DraftKind::create);
        check_refused(c, DraftKind::edit);
    }
    check_refused({with(R"(,"reissue":true,"overlap":5)"), "reissue overlap",
                   "leave it out"},
                  DraftKind::create);
    check_refused({with(R"(,"owner":"a","service_account":"b")"),
                   "owner service_account", "stays with the token"},
                  DraftKind::edit);
    check_refused({with(R"(,"reissue":true,"x":1)"), "reissue x",
                   "service_account, description"},
                  DraftKind::create);
    check_refused({R"({"x":1})", "x", "channels, reissue, overlap"},
                  DraftKind::edit);
}

void texts_keep_their_limits(void** /*state*/)
{
    const std::string grant = R"(,"scopes":["cve:view"]})";
    const std::string token(secret);
    const Refused cases[] = {
        {R"({"name":""})", "name", "is empty"},
        {R"({"name":"a\u0000b"})", "name", "\"a\\x00b\" holds control"},
        {R"({"name":"a\r\nb"})", "name", "\"a\\x0d\\x0ab\" holds control"},
        {R"({"name":"a\u009bb"})", "name", "holds control"},
        {R"({"name":")" + std::string(129, 'n') + "\"}", "name",
         "longer than 128"},
        {R"({"name":")" + token + "\"}", "name", "holds a token"},
        {R"({"description":")" + std::string(1025, 'd') + "\"}", "description",
         "longer than 1024"},
        {R"({"description":"look: )" + token + "\"}", "description",
         "holds a token"},
        {R"({"name":null})", "name", "is null: a text"},
        {R"({"name":["n"]})", "name", "is a list: a text"},
        {R"({"name":1,"description":{}})", "name description",
         "is an object: a text"},
    };
    for (const Refused& c : cases) {
        check_refused(c, DraftKind::edit);
    }
    const Refused owners[] = {
        {R"({"name":"n","owner":"a b")" + grant, "owner", "\"a b\""},
        {R"({"name":"n","owner":"")" + grant, "owner", "not valid"},
        {R"({"name":"n","owner":null)" + grant, "owner", "is null"},
        {R"({"name":"n","owner":")" + token + "\"" + grant, "owner",
         "holds a token"},
        {R"({"name":"n","service_account":"a/b")" + grant, "service_account",
         "a subchannel"},
        {R"({"name":"n","service_account":"t")" + grant, "service_account",
         "not a channel path"},
        {R"({"name":"n","owner":"a","service_account":"b")" + grant,
         "service_account", "leave owner out"},
        {R"({"scopes":["cve:view"]})", "name", "is missing"},
        {R"({"name":2,"scopes":["cve:view"]})", "name", "is a number"},
    };
    for (const Refused& c : owners) {
        check_refused(c, DraftKind::create);
    }
}

void times_are_in_the_future(void** /*state*/)
{
    for (const auto& [value, words] :
         {std::pair{"1797776000", "is a number: write \"2027-01-31\""},
          {"18446744073709551616", "is a number"},
          {"\"soon\"", "\"soon\" is no time"},
          {"\"\"", "is no time"},
          {"\"2027-02-30\"", "is no time"},
          {"\"10000-01-01\"", "is no time"},
          {"\"30d\"", "is no time"},
          {"[]", "is a list"},
          {"false", "is true or false"},
          {"\"2026-09-21\"", "2026-09-21T00:00:00Z is in the past: it is "
                             "2026-09-21T14:13:20Z now"},
          {"\"1970-01-01\"", "in the past"},
          {"\"2026-09-21T14:13:20Z\"", "in the past"}}) {
        const std::string json = with(std::string(",\"expires_at\":") + value);
        check_refused({json, "expires_at", words}, DraftKind::create);
        check_refused({json, "expires_at", words}, DraftKind::edit);
    }
    const TokenDraft odd{.name = "n", .expires = -1};
    check_that("no such time",
               lines_of(psm::check_draft(odd, DraftKind::edit, now))
                   .starts_with("expires_at: is no time"));
}

void grants_are_checked_one_by_one(void** /*state*/)
{
    const std::string one = R"({"channel":"a","permission":"read"})";
    const Refused cases[] = {
        {R"({"name":"n","resources":{"a":"read"}})", "resources",
         "is an object: a list"},
        {R"({"name":"n","resources":["a:read"]})", "resources[0]", "is a text"},
        {R"({"name":"n","resources":[[]]})", "resources[0]", "is a list"},
        {R"({"name":"n","resources":[{}]})",
         "resources[0].channel resources[0].permission", "is missing"},
        {R"({"name":"n","resources":[)" + one +
             R"(,{"channel":"t","permission":"none"}]})",
         "resources[1].permission resources[1].channel",
         "\"none\" is no level: use read"},
        {R"({"name":"n","resources":[{"channel":1,"permission":null}]})",
         "resources[0].channel resources[0].permission", "is null"},
        {R"({"name":"n","resources":[)" + one + "," + one + "]}",
         "resources[1].channel", "\"a\" is given twice"},
        {R"({"name":"n","scopes":"cve:view"})", "scopes", "is a text: a list"},
        {R"({"name":"n","scopes":["cve:view",3,"cve:view","cve:fly",""]})",
         "scopes[1] scopes[2] scopes[3] scopes[4]",
         "\"cve:fly\" is no scope: those of cve are cve:edit, cve:view"},
        {with(R"(,"channels":null)"), "channels", "[] for every channel"},
        {with(R"(,"channels":["a","a","a//b"])"), "channels[1] channels[2]",
         "\"a//b\" is not a channel path"},
        {with(R"(,"resources":[)" + one + "]"), "resources",
         "goes with neither scopes nor channels"},
        {R"({"name":"n","channels":["a"],"resources":[)" + one + "]}",
         "resources", "goes with neither"},
    };
    for (const Refused& c : cases) {
        check_refused(c, DraftKind::create);
        check_refused(c, DraftKind::edit);
    }
}

void a_token_has_a_grant(void** /*state*/)
{
    for (const char* const grants :
         {"", R"(,"scopes":[])", R"(,"scopes":null,"resources":[])",
          R"(,"scopes":[],"resources":[])", R"(,"channels":["a"])"}) {
        check_refused({std::string(R"({"name":"n")") + grants + "}",
                       "resources", "and scopes are missing"},
                      DraftKind::create);
    }
    check_refused({R"({"name":"n","scopes":[]})", "scopes", "leave it out"},
                  DraftKind::edit);
    check_refused(
        {R"({"scopes":[],"resources":[]})", "resources scopes", "leave it out"},
        DraftKind::edit);
    check_refused(
        {R"({"resources":[],"scopes":null})", "resources", "leave it out"},
        DraftKind::edit);
}

/// {} issues a new string and kills the old one: nothing else may.
void nothing_is_taken_for_a_re_issue(void** /*state*/)
{
    for (const char* const json : {R"({"scopes":null})", R"({"reissue":false})",
                                   R"({"resources":null,"scopes":null})"}) {
        check_refused({json, "body", "changes nothing"}, DraftKind::edit);
    }
    const Refused cases[] = {
        {R"({"reissue":"true"})", "reissue", "is a text: true or false"},
        {R"({"reissue":1})", "reissue", "is a number"},
        {R"({"overlap":60})", "overlap", "ask for that, too"},
        {R"({"reissue":false,"overlap":60})", "overlap", "ask for that, too"},
        {R"({"reissue":true,"overlap":2592001})", "overlap",
         "which is 30 days"},
        {R"({"reissue":true,"overlap":-1})", "overlap", "from 0 to 2592000"},
        {R"({"reissue":true,"overlap":1.5})", "overlap", "whole number"},
        {R"({"reissue":true,"overlap":1e2})", "overlap", "whole number"},
        {R"({"reissue":true,"overlap":18446744073709551616})", "overlap",
         "whole number"},
        {R"({"reissue":true,"overlap":18446744073709551615})", "overlap",
         "whole number"},
        {R"({"reissue":true,"overlap":"1h"})", "overlap", "is a text"},
        {R"({"reissue":true,"overlap":null})", "overlap", "is null"},
    };
    for (const Refused& c : cases) {
        check_refused(c, DraftKind::edit);
    }
    const TokenDraft longer{.reissue = true, .overlap = psm::max_overlap + 1};
    check_that("not from elsewhere either",
               lines_of(psm::check_draft(longer, DraftKind::edit, now))
                   .starts_with("overlap: is longer than 30 days"));
}

std::string many(const std::string& before, std::size_t count,
                 const std::string& after)
{
    std::string list;
    for (std::size_t i = 0; i < count; i++) {
        list += (i == 0 ? "" : ",") + before + std::to_string(i) + after;
    }
    return "[" + list + "]";
}

void numbers_are_bounded(void** /*state*/)
{
    const auto resources = [](std::size_t count) {
        return R"({"name":"n","resources":)" +
               many(R"({"channel":"c)", count, R"(","permission":"read"})") +
               "}";
    };
    const auto reach = [](std::size_t count) {
        return with(R"(,"channels":)" + many("\"c", count, "\""));
    };
    TokenDraft draft;
    check_same("256",
               lines_of(psm::read_draft(resources(256), DraftKind::create, now,
                                        draft)),
               "");
    check_equal("all of them", draft.resources->size(), 256);
    check_same(
        "256",
        lines_of(psm::read_draft(reach(256), DraftKind::create, now, draft)),
        "");
    check_equal("all of them", draft.channels->size(), 256);
    for (const std::size_t count : {257UL, 1000UL}) {
        check_refused({resources(count), "resources", "more than 256"},
                      DraftKind::create);
        check_refused({reach(count), "channels", "more than 256"},
                      DraftKind::edit);
    }

    // What answers a hostile body stays small.
    const auto problems = psm::read_draft(R"({"name":"n","scopes":)" +
                                              many("\"x", 5000, "\"") + "}",
                                          DraftKind::create, now, draft);
    check_equal("no more than these", problems.size(), 21);
    check_same("and says so", problems.back().why,
               "has more problems than these");
    std::string cut = R"({"name":"n","scopes":)" + many("\"x", 50, "\"");
    check_same("the end is told in any case",
               psm::read_draft(cut, DraftKind::create, now, draft)
                   .at(20)
                   .why.substr(0, 22),
               "is not JSON from byte ");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(other_values_are_refused),
        cmocka_unit_test(members_are_known_and_stand_once),
        cmocka_unit_test(texts_keep_their_limits),
        cmocka_unit_test(times_are_in_the_future),
        cmocka_unit_test(grants_are_checked_one_by_one),
        cmocka_unit_test(a_token_has_a_grant),
        cmocka_unit_test(nothing_is_taken_for_a_re_issue),
        cmocka_unit_test(numbers_are_bounded),
    };
    return cmocka_run_group_tests_name("bad_draft", tests, nullptr, nullptr);
}
