// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "quote.hpp"
#include "token.hpp"
#include "token_limits.hpp"

#include <string>

namespace {

constexpr std::string_view token =
    "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF";
constexpr std::string_view mistyped =
    "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnG";

struct Case {
    std::string text;
    std::string_view words; // of the problem; empty: there is none
};

using Judge = std::optional<std::string> (*)(std::string_view);

template <std::size_t N>
void check_all(Judge judge, const Case (&cases)[N])
{
    for (const Case& c : cases) {
        const auto problem = judge(c.text);
        check_equal(c.text, problem.has_value(), !c.words.empty());
        check_that(c.text + ": " + problem.value_or(""),
                   problem.value_or("").find(c.words) != std::string::npos);
    }
}

std::string repeated(std::string_view part, std::size_t count)
{
    std::string text;
    for (std::size_t i = 0; i < count; i++) {
        text += part;
    }
    return text;
}

void names_are_judged(void** /*state*/)
{
    const Case cases[] = {
        {"ci", ""},
        {" ", ""},
        {repeated("n", 128), ""},
        {repeated("\xf0\x9f\x98\x80", 128), ""},
        {"psm-authentication-of-our-nightly-builds", ""},
        {std::string(mistyped), ""},
        {"100 % psm-authentication", ""},
        {"\xc2\xa0\xc3\xa9 \xe2\x80\xa6", ""},
        {"", "is empty: say what the token is for"},
        {repeated("n", 129), "is longer than 128 characters: shorten it"},
        {repeated("\xc3\xa4", 129), "is longer than 128"},
        {"a\tb", "\"a\\x09b\" holds control characters: leave them out"},
        {"a\x7f", "control"},
        {"a\xc2\x80", "control"},
        {"a\xc2\x9f", "control"},
        {std::string("a\0b", 3), "control"},
        {"a\xff", "\"a\\xff\" is not UTF-8"},
        {"a\xc2", "is not UTF-8"},
        {"\xed\xa0\x80", "is not UTF-8"},
        {"see " + std::string(token) + ".", "holds a token"},
    };
    check_all(psm::name_problem, cases);
}

void descriptions_are_judged(void** /*state*/)
{
    const Case cases[] = {
        {"", ""},
        {repeated("\xe2\x82\xac", 1024), ""},
        {repeated("d", 1025), "longer than 1024"},
        {"two\nlines", "control"},
        {std::string(token), "holds a token"},
    };
    check_all(psm::description_problem, cases);
}

void owners_are_judged(void** /*state*/)
{
    const Case cases[] = {
        {"a", ""},
        {"Alice.B_c@example.org+x-1", ""},
        {repeated("o", 128), ""},
        {"", "\"\" is not valid: use 1 to 128 letters"},
        {repeated("o", 129), "not valid"},
        {"a b", "\"a b\" is not valid"},
        {"a/b", "not valid"},
        {"a:b", "not valid"},
        {"a*", "not valid"},
        {"\xc3\xa4", "not valid"},
        {std::string(token), "holds a token"},
    };
    check_all(psm::owner_problem, cases);
    for (const Case& c : cases) {
        check_equal(c.text, psm::is_owner(c.text),
                    c.words.empty() || c.text == token);
    }
}

void channels_are_judged(void** /*state*/)
{
    const Case cases[] = {
        {"main", ""},
        {"main/dev", ""},
        {"", "is not a channel path: write NAME or NAME/SUBCHANNEL"},
        {"main/", "\"main/\" is not a channel path"},
        {"main/noarch", "not a channel path"},
        {"a/t/b", "not a channel path"},
        {std::string(token), "holds a token"},
        {"a/" + std::string(token), "holds a token"},
    };
    check_all(psm::channel_problem, cases);
}

void scopes_are_judged(void** /*state*/)
{
    const Case cases[] = {
        {"artifact:download", ""},
        {"user.token:edit", ""},
        {"channel.mirror:fly",
         "\"channel.mirror:fly\" is no scope: those of channel.mirror are "
         "channel.mirror:edit, channel.mirror:view"},
        {"cve", "those of cve are cve:edit, cve:view"},
        {"cve:", "those of cve are"},
        {"CVE:view", "scopes begin with one of artifact, channel, "
                     "channel.default-channel,"},
        {"", "\"\" is no scope: scopes begin with"},
        {"artifact:download ", "those of artifact are artifact:create"},
    };
    check_all(psm::scope_problem, cases);
}

void ids_are_told(void** /*state*/)
{
    for (const std::string_view good : {"a", "A-1", "-"}) {
        check_that(good, psm::is_token_id(good));
    }
    check_that("longest", psm::is_token_id(repeated("i", 64)));
    check_that("longer", !psm::is_token_id(repeated("i", 65)));
    for (const std::string_view bad : {"", "a b", "a_b", "a.b", "\xc3\xa4"}) {
        check_that(bad, !psm::is_token_id(bad));
    }
}

void tokens_are_found_in_text(void** /*state*/)
{
    const std::string own(token);
    for (const std::string& text :
         {own, "x" + own, own + "x", "psm-psm-" + own, own + own}) {
        check_that(text, psm::holds_own_token(text));
    }
    for (const std::string& text :
         {std::string(), std::string("psm-"), std::string(mistyped),
          own.substr(0, 45), own.substr(1), "PSM" + own.substr(3)}) {
        check_that(text, !psm::holds_own_token(text));
    }
}

void what_is_shown_steers_nothing(void** /*state*/)
{
    struct Shown {
        std::string text;
        std::string_view shown;
    };

    const Shown cases[] = {
        {"", ""},
        {"a \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
         "a \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\x1b[31m\r\n", "\\x1b[31m\\x0d\\x0a"},
        {std::string("\0", 1), "\\x00"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b", "\\xc2\\x9b"},
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"},
        {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},
        {"\xe2\x80\xaf", "\xe2\x80\xaf"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc0\xae\xed\xa0\x80", "\\xc0\\xae\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    };
    for (const Shown& c : cases) {
        check_same(c.text, psm::escape(c.text), c.shown);
        check_same(c.text, psm::in_quotes(c.text),
                   "\"" + std::string(c.shown) + "\"");
    }
}

void what_is_shown_is_short_and_no_token(void** /*state*/)
{
    check_same("as long as may be", psm::excerpt(repeated("a ", 32)),
               repeated("a ", 32));
    check_same("longer", psm::excerpt(repeated("a ", 33)),
               repeated("a ", 32) + "\xe2\x80\xa6");
    check_same("characters", psm::excerpt(repeated("\xc3\xa4", 65)),
               repeated("\xc3\xa4", 64) + "\xe2\x80\xa6");
    check_same("escapes whole", psm::excerpt(repeated("\x1b", 17)),
               repeated("\\x1b", 16) + "\xe2\x80\xa6");

    const std::string hidden = "(not shown: it may be a token)";
    for (const std::string& text :
         {std::string(token), std::string(mistyped),
          "x" + std::string(token).substr(0, 20), repeated("0af9", 12),
          repeated(" ", 80) + std::string(token), "a/" + repeated("x", 32)}) {
        check_same(text, psm::excerpt(text), hidden);
        check_same(text, psm::in_quotes(text), hidden);
    }
    for (const std::string_view text :
         {"0f8fad5b-d9cb-469f-a165-70867728950e", "psm-auth",
          "a-name-of-more-than-thirty-two-letters"}) {
        check_same(text, psm::excerpt(text), text);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(names_are_judged),
        cmocka_unit_test(descriptions_are_judged),
        cmocka_unit_test(owners_are_judged),
        cmocka_unit_test(channels_are_judged),
        cmocka_unit_test(scopes_are_judged),
        cmocka_unit_test(ids_are_told),
        cmocka_unit_test(tokens_are_found_in_text),
        cmocka_unit_test(what_is_shown_steers_nothing),
        cmocka_unit_test(what_is_shown_is_short_and_no_token),
    };
    return cmocka_run_group_tests_name("token_limits", tests, nullptr, nullptr);
}
