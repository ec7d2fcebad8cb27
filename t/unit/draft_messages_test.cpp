// SPDX-License-Identifier: BSD-2-Clause
//
// What is said about a body that is refused: all that is wrong with it, in
// words that show no token and steer no terminal.

#include "draft_samples.hpp"

#include "quote.hpp"

namespace {

using psm::DraftKind;
using psm::TokenDraft;

using samples::check_refused;
using samples::lines_of;
using samples::now;
using samples::secret;

void all_problems_are_told_at_once(void** /*state*/)
{
    check_refused(
        {R"({"nam":"n","owner":"a b","expires_at":"2020-01-01",)"
         R"("description":5,"scopes":["x:y"],"channels":["t"],"reissue":true})",
         "nam description scopes[0] channels[0] reissue name owner expires_at",
         "name: is missing"},
        DraftKind::create);
}

void messages_show_nothing_that_is_secret_or_steers(void** /*state*/)
{
    const std::string token(secret);
    const std::string foreign = "0123456789abcdef0123456789abcdef0123456789"
                                "abcdef";
    const std::string escaped = "%70sm-" + token.substr(4);
    for (const std::string& word :
         {token, foreign, escaped, token + "x", "x-" + token.substr(0, 30)}) {
        const std::string bodies[] = {
            "{\"" + word + "\":1}",
            "{\"" + word + "\":1,\"" + word + "\":2}",
            R"({"name":"\u0001)" + word + "\"}",
            R"({"description":"\u0001)" + word + "\"}",
            R"({"expires_at":")" + word + "\"}",
            R"({"owner":"!)" + word + "\"}",
            R"({"scopes":[")" + word + "\"]}",
            R"({"scopes":["cve:)" + word + "\"]}",
            R"({"channels":["/)" + word + "\"]}",
            R"({"resources":[{"channel":"/)" + word + R"(","permission":")" +
                word + "\",\"" + word + "\":1}]}",
            R"({"x":{")" + word + R"(":1,")" + word + "\":1}}",
            R"({"name":"n"}")" + word,
        };
        for (const std::string& json : bodies) {
            for (const DraftKind kind : {DraftKind::create, DraftKind::edit}) {
                TokenDraft draft;
                const std::string lines =
                    lines_of(psm::read_draft(json, kind, now, draft));
                check_that(json, !lines.empty());
                check_that(lines,
                           lines.find(word.substr(6, 16)) == std::string::npos);
            }
        }
    }

    const std::string steering = "\\u001b[31m\\u009b\\u202e\\r\\n";
    std::string longish;
    for (int i = 0; i < 100; i++) {
        longish += "a\xc3\xa4 ";
    }
    for (const std::string& word : {steering, longish}) {
        TokenDraft draft;
        const auto problems = psm::read_draft(
            "{\"" + word + R"(":1,"name":"\u0007)" + word +
                R"(","expires_at":")" + word + R"(","scopes":[")" + word +
                R"("],"channels":[")" + word + "\"]}",
            DraftKind::edit, now, draft);
        check_equal(word, problems.size(), 5);
        for (const psm::FieldProblem& problem : problems) {
            const std::string line = problem.field + problem.why;
            check_same(line, psm::escape(line), line);
            // The scopes' categories are the longest remedy.
            check_that(line, line.size() < 400);
        }
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(messages_show_nothing_that_is_secret_or_steers),
    };
    return cmocka_run_group_tests_name("draft_messages", tests, nullptr,
                                       nullptr);
}
