// SPDX-License-Identifier: BSD-2-Clause
//
// Lines of import and export: read strictly, written so that they come back as
// the same record, and compared by what they name.

#include "check.hpp"

#include "import_line.hpp"
#include "json_object.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace {

using psm::FieldProblem;
using psm::ImportLine;
using psm::ImportRules;
using psm::Level;
using psm::StoredToken;
using psm::TokenFormat;
using psm::TokenKind;

constexpr std::int64_t now = 1790000000;

const std::string own_token = "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF";
const std::string foreign_token = "0123456789abcdef0123456789abcdef01234567";
const std::string digest(64, 'a');

ImportRules rules()
{
    return {.format = TokenFormat::psm,
            .owner = "me",
            .maker = "me",
            .expires = now + 100,
            .now = now,
            .line = 7};
}

/// "field: why" lines; "" when there are no problems.
std::string problems_of(const std::string& json, const ImportRules& rules,
                        ImportLine& out)
{
    std::string text;
    for (const FieldProblem& problem :
         psm::read_import_line(json, rules, out)) {
        text += (text.empty() ? "" : "; ") + problem.field + ": " + problem.why;
    }
    return text;
}

ImportLine good(const std::string& json)
{
    ImportLine line;
    check_same(json, problems_of(json, rules(), line), "");
    return line;
}

/// A line with the least there must be, and `more`.
std::string line_with(const std::string& more)
{
    return R"({"name":"n","resources":[{"channel":"main","permission":)"
           R"("read"}])" +
           (more.empty() ? "" : "," + more) + "}";
}

void the_least_is_filled_in(void** /*state*/)
{
    const ImportLine line = good(line_with(""));
    check_same("owner", line.record.owner, "me");
    check_same("maker", line.record.created_by, "me");
    check_equal("created", line.record.created, now);
    check_equal("expires", line.record.expires, now + 100);
    check_equal("rev", line.record.rev, 1);
    check_that("no string", line.token.empty() && line.digest.empty());
    check_same("the same id each time", line.record.id,
               good(line_with("")).record.id);
    ImportRules other = rules();
    other.line = 8;
    ImportLine moved;
    check_same("", problems_of(line_with(""), other, moved), "");
    check_that("but not on another line", moved.record.id != line.record.id);
    check_that("a random one with a digest",
               good(line_with(R"("digest":")" + digest + '"')).record.id !=
                   good(line_with(R"("digest":")" + digest + '"')).record.id);
}

void everything_is_taken(void** /*state*/)
{
    const ImportLine line =
        good(R"({"id":"a-1","name":"n","type":"scope","owner":"al",)"
             R"("scopes":["cve:view"],"channels":["main"],)"
             R"("created_at":"2020-01-01T00:00:00Z","expires_at":null,)"
             R"("description":"d","last_used_at":"2020-01-02","disabled":true,)"
             R"("rev":9,"created_by":"b","deleted_at":"2020-01-03T00:00:00Z",)"
             R"("superseded_by":"c","supersedes":"d","reissued":true,)"
             R"("other":{"x":[1]},"digest":")" +
             digest + "\"}");
    const auto& record = line.record;
    check_same("id", record.id, "a-1");
    check_equal("kind", record.kind, TokenKind::scope);
    check_equal("created", record.created, 1577836800);
    check_equal("never", record.expires, psm::never_expires);
    check_equal("used", line.last_used.value_or(0), 1577923200);
    check_equal("rev", record.rev, 9);
    check_equal("deleted", record.deleted.value_or(0), 1578009600);
    check_that("flags", record.disabled && line.reissued);
    check_same("maker", record.created_by, "b");
    check_same("superseded", record.superseded_by, "c");
    check_same("supersedes", record.supersedes, "d");
    check_same("digest", line.digest, digest);
    const std::string json = psm::encode_import(line);
    check_that(json, psm::parse_object(json)["x"].dump() == "[1]");

    check_that("an expiry may have passed",
               good(line_with(R"("expires_at":"2001-01-01")")).record.expires ==
                   978307200);
    check_same("no maker",
               good(line_with(R"("created_by":"")")).record.created_by, "");
    check_equal("no creation",
                good(line_with(R"("created_at":null)")).record.created, 0);
}

void strings_are_judged(void** /*state*/)
{
    check_same("own", good(line_with(R"("token":")" + own_token + '"')).token,
               own_token);
    ImportLine line;
    std::string why = problems_of(
        line_with(R"("token":")" + foreign_token + '"'), rules(), line);
    check_that(why, why.starts_with("token: is of another issuer: give "
                                    "--format any"));
    check_that("no token in it", why.find(foreign_token) == std::string::npos);
    ImportRules any = rules();
    any.format = TokenFormat::any;
    check_same(
        "foreign",
        problems_of(line_with(R"("token":")" + foreign_token + '"'), any, line),
        "");
    check_same("foreign", line.token, foreign_token);
    for (const std::string& bad :
         {own_token.substr(1), own_token + "x", std::string("psm-short"),
          std::string("*****"), std::string(129, 'x'), std::string()}) {
        why = problems_of(line_with(R"("token":")" + bad + '"'), rules(), line);
        check_that(bad, why.starts_with("token: is "));
    }
    // A mistyped one of ours is no foreign one.
    std::string typo = own_token;
    typo.back() = 'x';
    check_same("typo",
               problems_of(line_with(R"("token":")" + typo + '"'), any, line),
               "token: is no token, or not the whole of it");
}

void what_is_wrong_is_named(void** /*state*/)
{
    struct Case {
        const char* more;
        const char* problem; // begins with
    };

    const Case cases[] = {
        {R"("digest":"AA")", "digest: is not the SHA-256"},
        {R"("digest":7)", "digest: is a number: a text is wanted"},
        {R"("id":"a b")", "id: \"a b\" is not the ID of a token"},
        {R"("type":"x")", "type: \"x\" is none"},
        {R"("type":"scope")", "type: is not the kind of its grants"},
        {R"("created_by":"a b")", "created_by: \"a b\" is no name"},
        {R"("disabled":1)", "disabled: is a number: true or false"},
        {R"("rev":0)", "rev: is no number from 1 on"},
        {R"("rev":-1)", "rev: is no number from 1 on"},
        {R"("created_at":"x")", "created_at: \"x\" is no time"},
        {R"("deleted_at":"2020-01-01")", "deleted_at: is of a string that is "
                                         "dead"},
        {R"("reissued":true)", "reissued: is of a string that is dead"},
        {R"("other":[])", "other: is a list: an object is wanted"},
        {R"("other":{"owner":1})", "other.owner: is a member of every record"},
        {R"("other":{"x":1,"x":2})", "other.x: is given twice"},
        {R"("what":1)", "what: is not known here: what is to be kept"},
        {R"("name":"m")", "name: is given twice: keep one of them"},
        {R"("owner":"a b")", "owner: \"a b\""},
        {R"("scopes":["cve:view"])", "resources: goes with neither scopes"},
        {R"("reissue":true)", "reissue: is not known here"},
    };
    for (const auto& [more, problem] : cases) {
        ImportLine line;
        const std::string why = problems_of(line_with(more), rules(), line);
        check_same(more, why.substr(0, std::string_view(problem).size()),
                   problem);
        check_that(why, why.find("; ") == std::string::npos);
    }
    ImportLine line;
    check_same(
        "no name",
        problems_of(R"({"scopes":["cve:view"],"rev":"x"})", rules(), line)
            .substr(0, 20),
        "rev: is a text: a nu");
    check_that("not JSON",
               problems_of("{", rules(), line).starts_with(": is not JSON"));
    check_that("no object",
               problems_of("[]", rules(), line).starts_with(": is a list"));
    check_that("too long",
               problems_of(line_with(R"("description":")" +
                                     std::string(300000, 'x') + '"'),
                           rules(), line)
                   .starts_with(": is larger than 256 KiB"));
    check_that("two strings",
               problems_of(line_with(R"("digest":")" + digest +
                                     R"(","token":")" + own_token + '"'),
                           rules(), line)
                   .starts_with("digest: is given beside token"));
}

StoredToken stored(const std::string& json)
{
    StoredToken token{
        .digest = digest, .json = json, .record = {}, .problem = {}};
    token.problem = psm::decode_token_record(json, token.record);
    check_same(json, token.problem.value_or(""), "");
    return token;
}

void what_is_exported_comes_back(void** /*state*/)
{
    const char* const records[] = {
        R"({"v":1,"id":"a-1","rev":3,"name":"n","owner":"al",)"
        R"("type":"resource","resources":{"main":"read","main/x":"write"},)"
        R"("created":5,"expires":1790000000,"desc":"d\"é","by":"b"})",
        R"({"v":1,"id":"a-1","rev":1,"name":"n","owner":"al","type":"scope",)"
        R"("scopes":["cve:view"],"channels":["main"],"disabled":true,)"
        R"("deleted":7,"superseded_by":"s","theirs":{"k":[1,null]}})",
        R"({"v":1,"id":"a-1","rev":1,"name":"n","owner":"al","type":"scope",)"
        R"("scopes":["cve:view"],"supersedes":"s"})",
    };
    for (const char* const json : records) {
        StoredToken token = stored(json);
        token.last_used = 1577923200;
        const std::string text = psm::export_line(token, false);
        const std::string label = text;
        const ImportLine line = good(text);
        check_same(label, psm::encode_import(line), json);
        check_same(label, line.digest, digest);
        check_equal(label, line.last_used.value_or(0), 1577923200);
        check_that(label, psm::differences(line, token).empty());
        check_that(label, text.find('\n') == std::string::npos);
    }
}

void what_is_named_is_compared(void** /*state*/)
{
    const StoredToken token =
        stored(R"({"v":1,"id":"a-1","rev":3,"name":"n","owner":"al",)"
               R"("type":"resource","resources":{"main":"read"},"created":5,)"
               R"("expires":1790000000,"by":"b","theirs":1})");
    check_that("what is not named counts as the same",
               psm::differences(good(line_with("")), token).empty());
    const ImportLine line = good(
        R"({"name":"m","resources":[{"channel":"main","permission":"write"}],)"
        R"("owner":"al","rev":4,"disabled":true,"expires_at":null,)"
        R"("description":"","other":{"theirs":2}})");
    std::string names;
    for (const std::string& name : psm::differences(line, token)) {
        names += name + " ";
    }
    check_same("differing", names,
               "name expires_at resources disabled rev other ");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_least_is_filled_in),
        cmocka_unit_test(everything_is_taken),
        cmocka_unit_test(strings_are_judged),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_is_exported_comes_back),
        cmocka_unit_test(what_is_named_is_compared),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
