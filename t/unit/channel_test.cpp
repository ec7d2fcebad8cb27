// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/channel.hpp"

#include <string>

namespace {

void every_platform_of_conda_is_known(void** /*state*/)
{
    for (const std::string_view name :
         {"noarch",        "linux-32",         "linux-64",
          "linux-aarch64", "linux-armv6l",     "linux-armv7l",
          "linux-ppc64",   "linux-ppc64le",    "linux-riscv32",
          "linux-riscv64", "linux-s390x",      "osx-64",
          "osx-arm64",     "win-32",           "win-64",
          "win-arm64",     "freebsd-64",       "zos-z",
          "wasi-wasm32",   "emscripten-wasm32"}) {
        check_that(name, psm::is_platform(name));
        check_that(name, !psm::is_channel_segment(name));
    }
}

void what_looks_like_a_platform_is_none(void** /*state*/)
{
    for (const std::string_view name :
         {"", "linux", "linux-", "linux-65", "Linux-64", "NOARCH", "noarch2",
          "noarc", "win-6", "emscripten-wasm32x", "zos", "osx-641"}) {
        check_that(name, !psm::is_platform(name));
    }
}

void segments_follow_the_grammar(void** /*state*/)
{
    const std::string longest(psm::max_segment_length, 'a');
    const std::string too_long(psm::max_segment_length + 1, 'a');
    for (const std::string_view good :
         {std::string_view("main"), std::string_view("Main"),
          std::string_view("0"), std::string_view("a.b_c-D"),
          std::string_view("tt"), std::string_view("T"),
          std::string_view("Simple"), std::string_view("linux"),
          std::string_view("a.."), std::string_view(longest)}) {
        check_that(good, psm::is_channel_segment(good));
    }
    for (const std::string_view bad :
         {std::string_view(""), std::string_view("t"),
          std::string_view("simple"), std::string_view("jupyter"),
          std::string_view("noarch"), std::string_view("linux-64"),
          std::string_view(".a"), std::string_view("_a"),
          std::string_view("-a"), std::string_view("."), std::string_view(".."),
          std::string_view("a b"), std::string_view("a/b"),
          std::string_view("a!"), std::string_view("a+"),
          std::string_view("a%20"), std::string_view("\xc3\xa4"),
          std::string_view("a\0b", 3), std::string_view(too_long)}) {
        check_that(bad, !psm::is_channel_segment(bad));
    }
}

void every_byte_but_the_alphabet_is_refused(void** /*state*/)
{
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    for (int byte = 0; byte < 256; byte++) {
        const char c = static_cast<char>(byte);
        const std::string text{'a', c, 'b'};
        check_equal(std::to_string(byte), psm::is_channel_segment(text),
                    alphabet.find(c) != std::string_view::npos);
    }
}

void paths_have_one_to_eight_segments(void** /*state*/)
{
    for (const std::string_view good :
         {"main", "main/dev", "a/b/c/d/e/f/g/h"}) {
        check_that(good, psm::is_channel_path(good));
    }
    for (const std::string_view bad :
         {"", "/", "/main", "main/", "main//dev", "main/t", "t/main",
          "main/noarch", "main/./dev", "main/../dev", "a/b/c/d/e/f/g/h/i"}) {
        check_that(bad, !psm::is_channel_path(bad));
    }
    const std::string segment(psm::max_segment_length, 'x');
    std::string longest = segment;
    for (std::size_t i = 1; i < psm::max_channel_segments; i++) {
        longest += '/';
        longest += segment;
    }
    check_equal("longest", longest.size(), psm::max_channel_length);
    check_that("longest", psm::is_channel_path(longest));
    check_that("one more", !psm::is_channel_path(longest + "x"));
}

void a_grant_covers_whole_segments(void** /*state*/)
{
    struct Case {
        std::string_view grant;
        std::string_view path;
        bool covered;
    };

    static constexpr Case cases[] = {
        {"main", "main", true},
        {"main", "main/dev", true},
        {"main", "main/dev/x", true},
        {"main/dev", "main/dev", true},
        {"main/dev", "main/dev/x", true},
        {"main", "main2", false},
        {"main", "mai", false},
        {"main", "Main", false},
        {"main/dev", "main", false},
        {"main/dev", "main/dev2", false},
        {"main/dev", "main/de", false},
        {"", "main", false},
        {"main", "", false},
        {"", "", false},
        {"main", "main.x", false},
        {"main", "main-x/dev", false},
    };
    for (const Case& c : cases) {
        const std::string label =
            std::string(c.grant) + " on " + std::string(c.path);
        check_equal(label, psm::covers(c.grant, c.path), c.covered);
    }
}

void parents_end_at_the_channel(void** /*state*/)
{
    check_same("three", psm::parent_channel("a/b/c"), "a/b");
    check_same("two", psm::parent_channel("a/b"), "a");
    check_same("one", psm::parent_channel("a"), "");
    check_same("none", psm::parent_channel(""), "");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_platform_of_conda_is_known),
        cmocka_unit_test(what_looks_like_a_platform_is_none),
        cmocka_unit_test(segments_follow_the_grammar),
        cmocka_unit_test(every_byte_but_the_alphabet_is_refused),
        cmocka_unit_test(paths_have_one_to_eight_segments),
        cmocka_unit_test(a_grant_covers_whole_segments),
        cmocka_unit_test(parents_end_at_the_channel),
    };
    return cmocka_run_group_tests_name("channel", tests, nullptr, nullptr);
}
