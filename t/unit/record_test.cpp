// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"
#include "record_samples.hpp"

#include <string>

namespace {

using psm::Level;
using psm::TokenKind;
using psm::TokenRecord;

using samples::check_good;
using samples::repeated;
using samples::scope_start;
using samples::swapped;
using samples::with;

constexpr std::string_view resource_json =
    R"({"v":1,"id":"0f8fad5b-d9cb-469f-a165-70867728950e","rev":3,"name":"ci",)"
    R"("owner":"alice","type":"resource",)"
    R"("resources":{"main":"read","main/dev":"write"},"created":1790000000,)"
    R"("expires":1797776000,"desc":"nightly builds","by":"alice"})";

constexpr std::string_view scope_json =
    R"({"v":1,"id":"a","rev":1,"name":"ci","owner":"alice","type":"scope",)"
    R"("scopes":["artifact:download","channel:view-artifacts"],)"
    R"("channels":["main"],"created":1790000000,"disabled":true,)"
    R"("deleted":1790000001,"superseded_by":"b"})";

void resource_record_is_read(void** /*state*/)
{
    TokenRecord record;
    check_same("problem",
               psm::decode_token_record(resource_json, record).value_or(""),
               "");
    check_same("id", record.id, "0f8fad5b-d9cb-469f-a165-70867728950e");
    check_equal("rev", record.rev, 3);
    check_same("name", record.name, "ci");
    check_same("owner", record.owner, "alice");
    check_equal("kind", record.kind, TokenKind::resource);
    check_equal("resources", record.resources.size(), 2);
    check_equal("main", record.resources["main"], Level::read);
    check_equal("dev", record.resources["main/dev"], Level::write);
    check_equal("created", record.created, 1790000000);
    check_equal("expires", record.expires, 1797776000);
    check_same("desc", record.description, "nightly builds");
    check_same("by", record.created_by, "alice");
    check_that("disabled", !record.disabled && !record.deleted);
}

void scope_record_is_read(void** /*state*/)
{
    TokenRecord record;
    check_same("problem",
               psm::decode_token_record(scope_json, record).value_or(""), "");
    check_equal("kind", record.kind, TokenKind::scope);
    check_equal("scopes", record.scopes.size(), 2);
    check_same("scope", record.scopes[1], "channel:view-artifacts");
    check_equal("channels", record.channels.size(), 1);
    check_same("channel", record.channels[0], "main");
    check_equal("expires", record.expires, psm::never_expires);
    check_that("disabled", record.disabled);
    check_equal("deleted", record.deleted.value_or(0), 1790000001);
    check_same("superseded", record.superseded_by, "b");
}

void records_survive_a_round_trip(void** /*state*/)
{
    for (const std::string_view json : {resource_json, scope_json}) {
        TokenRecord record;
        check_same("decode",
                   psm::decode_token_record(json, record).value_or(""), "");
        check_same("encode", psm::encode_token_record(record), json);
    }
}

void texts_are_escaped_when_written(void** /*state*/)
{
    TokenRecord record;
    check_same("decode",
               psm::decode_token_record(with(""), record).value_or(""), "");
    record.name = "a \"quoted\" \\ n\xc3\xa4me";
    TokenRecord again;
    check_same("again",
               psm::decode_token_record(psm::encode_token_record(record), again)
                   .value_or(""),
               "");
    check_same("name", again.name, record.name);
}

void output_holds_nothing_of_an_earlier_record(void** /*state*/)
{
    TokenRecord record;
    static_cast<void>(psm::decode_token_record(scope_json, record));
    check_same("decode",
               psm::decode_token_record(with(""), record).value_or(""), "");
    check_that("scopes", record.scopes.empty() && record.channels.empty());
    check_that("flags", !record.disabled && !record.deleted);
    check_same("superseded", record.superseded_by, "");
}

void keys_of_others_are_skipped_whole(void** /*state*/)
{
    for (const std::string_view more :
         {R"(,"x":1)", R"(,"x":-1)", R"(,"x":1.5e3)", R"(,"x":null)",
          R"(,"x":true)", R"(,"x":"text\u0000")", R"(,"x":[])", R"(,"x":{})",
          R"(,"":0)", R"(,"x":{"v":2,"type":"scope","scopes":["a"]})",
          R"(,"x":[{"resources":{"lab":"manage"}},["disabled"]])",
          R"(,"x":{"a":1,"a":2})", R"(,"x":{"a":{"a":{"a":{"a":{"a":{}}}}}})",
          R"(,"Name":"x","v ":7)", " , \"x\" : 1 \n"}) {
        TokenRecord record;
        const std::string json = with(more);
        check_same(more, psm::decode_token_record(json, record).value_or(""),
                   "");
        check_equal(more, record.resources.size(), 1);
        check_equal(more, record.kind, TokenKind::resource);
        check_that(more, !record.disabled);
    }
}

void members_may_hold_these(void** /*state*/)
{
    const std::string umlaut = "\xc3\xa4";
    const std::string parts[] = {
        swapped("\"n\"", "\"" + std::string(128, 'n') + "\""),
        swapped("\"n\"", "\"" + repeated(umlaut, 128) + "\""),
        swapped("\"n\"", R"("a \u00e4 \"b\" \\")"),
        swapped("\"a\"", "\"" + std::string(64, 'A') + "\""),
        swapped("\"o\"", R"("a.b_C-9@example.org+x")"),
        swapped("\"o\"", "\"" + std::string(128, 'o') + "\""),
        swapped("\"read\"", "\"manage\""),
        swapped("\"main\"", "\"a/b/c/d/e/f/g/h\""),
        with(R"(,"expires":0)"),
        with(R"(,"expires":253402300799)"),
        with(R"(,"created":0,"deleted":0,"disabled":false)"),
        with(R"(,"rev":9223372036854775807)"),
        with(R"(,"desc":"")"),
        with(R"(,"desc":")" + std::string(1024, 'd') + "\""),
        with(R"(,"superseded_by":"0f8fad5b")"),
        with(R"(,"channels":["main","lab/x"])", scope_start),
        swapped("artifact:view", "made:up", scope_start),
        " \r\n\t" + with("") + "\n",
    };
    for (const std::string& json : parts) {
        check_good(json);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(resource_record_is_read),
        cmocka_unit_test(scope_record_is_read),
        cmocka_unit_test(records_survive_a_round_trip),
        cmocka_unit_test(texts_are_escaped_when_written),
        cmocka_unit_test(output_holds_nothing_of_an_earlier_record),
        cmocka_unit_test(keys_of_others_are_skipped_whole),
        cmocka_unit_test(members_may_hold_these),
    };
    return cmocka_run_group_tests_name("record", tests, nullptr, nullptr);
}
