// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/whole_token.hpp"

#include <string>

namespace {

const std::string token = "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF";

std::string masked(std::string text, std::string_view known = {})
{
    psm::mask_whole_tokens(text, known);
    return text;
}

void a_whole_token_is_hidden(void** /*state*/)
{
    const std::string stars(token.size(), '*');

    check_same("alone", masked(token), stars);
    check_same("inside", masked("a=" + token + "&b"), "a=" + stars + "&b");
    check_same("twice", masked(token + "/" + token), stars + "/" + stars);
    check_same("glued", masked(token + token), stars + stars);
    check_same("glued to a name", masked("x" + token + "psm-1_2"),
               "x" + stars + "*****_2");
    check_same("longer", masked(token + "x"), stars + "*");
    check_that("is told", psm::has_whole_token("x" + token));
}

void a_name_that_begins_as_a_token_is_not(void** /*state*/)
{
    const std::string cut = token.substr(0, token.size() - 1);

    check_same("a package", masked("psm-authentication-1.0.conda"),
               "psm-authentication-1.0.conda");
    check_same("one short", masked(cut), cut);
    check_same("nothing", masked(""), "");
    check_that("is told", !psm::has_whole_token(cut));
    check_that("is told of nothing", !psm::has_whole_token(""));
}

void escaped_text_is_judged_broadly(void** /*state*/)
{
    check_that("escaped", psm::has_whole_token("%70" + token.substr(1)));
    check_same("masked", masked("%70" + token.substr(1)),
               std::string(token.size() + 2, '*'));
}

void a_known_token_is_hidden_whatever_its_shape(void** /*state*/)
{
    check_same("known", masked("x=abcdef&y=abcdef", "abcdef"),
               "x=******&y=******");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_token_is_hidden),
        cmocka_unit_test(a_name_that_begins_as_a_token_is_not),
        cmocka_unit_test(escaped_text_is_judged_broadly),
        cmocka_unit_test(a_known_token_is_hidden_whatever_its_shape),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
