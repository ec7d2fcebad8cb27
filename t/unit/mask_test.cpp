// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "mask.hpp"
#include "text.hpp"
#include "token.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace {

// Literals, so that they can be joined with others.
#define TOKEN "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF"
#define STARS "**********************************************"
#define FOREIGN "an-0123-4567-89ab"

constexpr std::string_view foreign = FOREIGN;

struct Case {
    std::string_view text;
    std::string_view expected;
    std::size_t hidden = 0;
};

using Mask = std::size_t (*)(std::span<char>, std::string_view) noexcept;

void check_case(Mask mask, const Case& c, std::string_view known)
{
    std::string text(c.text);
    check_equal(c.text, mask(text, known), c.hidden);
    check_same(c.text, text, c.expected);
    // What is hidden stays hidden, and nothing is found in it.
    check_equal(c.text, mask(text, known), 0);
    check_same(c.text, text, c.expected);
}

void tokens_of_our_shape_are_hidden(void**)
{
    const std::vector<Case> cases{
        {TOKEN, STARS, 1},
        {"?token=" TOKEN "&x=1", "?token=" STARS "&x=1", 1},
        {"p" TOKEN "_b", "p" STARS "_b", 1},
        {TOKEN "," TOKEN, STARS "," STARS, 2},
        {"psm-" TOKEN, "psm-" STARS, 1},
        {"psm-abcdefghijkl", "****************", 1},
        {TOKEN TOKEN, STARS STARS, 1},
        {"a=" TOKEN "psm%2Dx&b", "a=" STARS "*******&b", 1},
        {"psm-abcdefghijkl-psm-", "****************-psm-", 1},
        {"x psm-abcdefghijkl-y", "x ****************-y", 1},
        {"%70sm-abcdefghijkl", "******************", 1},
        {"psm%2Dabcdefghijkl", "******************", 1},
        {"psm%2dabcdefghij%6b%6C", "**********************", 1},
        {"%2570sm-abcdefghijkl", "********************", 1},
        {"%252570sm-abcdefghijkl", "**********************", 1},
        {"%psm-abcdefghijkl%", "%****************%", 1},
        {"%2psm-abcdefghijkl%2", "%2****************%2", 1},
        {"%25psm-abcdefghijkl%25", "%25****************%25", 1},
        {"%3Apsm-abcdefghijkl%3A", "%3A****************%3A", 1},
    };
    for (const auto& c : cases) {
        check_case(psm::mask_token_text, c, {});
        check_case(psm::mask_token_url, c, {});
        check_that(c.text, psm::has_token_text(c.text));
        check_that(c.text, !psm::has_token_text(c.expected));
    }
}

void what_has_no_shape_stays(void**)
{
    for (const std::string_view text :
         {"", "p", "%", "%%%", "%7", "psm-", "psm-abcdefghijk",
          "psm-abcdef-ghijkl", "PSM-abcdefghijkl", "psm_abcdefghijkl",
          "psm-abcdef%20ghijkl", "psm-abcdefghijk%", "psm-abcdefghijk%6",
          "psm-abcdefghijk%zz", "%70sm%2", "/main/noarch/repodata.json.zst",
          "https://example.org/main/linux-64/python-3.12.0-h1_0.conda",
          "/psm-token/ngx-psm-token-module", FOREIGN}) {
        check_case(psm::mask_token_text, {text, text}, {});
        check_case(psm::mask_token_url, {text, text}, {});
        check_that(text, !psm::has_token_text(text));
    }
}

void copies_of_a_known_token_are_hidden(void**)
{
    const std::vector<Case> cases{
        {FOREIGN, "*****************", 1},
        {"?a=" FOREIGN "&b=" FOREIGN,
         "?a=*****************&b="
         "*****************",
         2},
        {"aan-0123-4567-89abb", "a*****************b", 1},
        {"an-0123-" FOREIGN, "an-0123-*****************", 1},
        {"%61n%2d0123-4567-89ab", "*********************", 1},
        {"%2561n-0123-4567-89a%62", "***********************", 1},
        {"%6" FOREIGN, "%6*****************", 1},
        {"an-0123-4567-89a", "an-0123-4567-89a", 0},
        {"AN-0123-4567-89AB", "AN-0123-4567-89AB", 0},
        {"an-0123-4567-89a%", "an-0123-4567-89a%", 0},
        {FOREIGN " " TOKEN, "***************** " STARS, 2},
    };
    for (const auto& c : cases) {
        check_case(psm::mask_token_text, c, foreign);
        check_case(psm::mask_token_url, c, foreign);
        check_equal(c.text, psm::has_token_text(c.text, foreign), c.hidden > 0);
    }
}

void a_known_token_that_holds_our_shape_is_hidden_whole(void**)
{
    const std::vector<Case> cases{
        {"x-psm-abcdefghijklm", "*******************", 1},
        {"/x-psm-abcdefghijklm/", "/*******************/", 1},
    };
    for (const auto& c : cases) {
        check_case(psm::mask_token_text, c, "x-psm-abcdefghijklm");
    }
    check_case(psm::mask_token_text,
               {"psm-x-psm-abcdefghijkl", "**********************", 1},
               "psm-x-psm-abcdefghijkl");
}

void segments_behind_t_are_hidden_in_urls(void**)
{
    const std::vector<Case> cases{
        {"/t/abc/main", "/t/***/main", 1},
        {"/t/" TOKEN "/main", "/t/" STARS "/main", 1},
        {"/t/" TOKEN "_tail/main", "/t/" STARS "*****/main", 1},
        {"GET /t/abc/main HTTP/1.1", "GET /t/***/main HTTP/1.1", 1},
        {"GET /t/abc HTTP/1.1", "GET /t/*** HTTP/1.1", 1},
        {"GET http://h/t/abc?x=1 HTTP/1.1", "GET http://h/t/***?x=1 HTTP/1.1",
         1},
        {"https://h:8443/api/repo/t/abc/main?q",
         "https://h:8443/api/repo/t/***/main?q", 1},
        {"t/abc", "t/***", 1},
        {"%74/abc/x", "%74/***/x", 1},
        {"/%74/abc", "/%74/***", 1},
        {"/t%2Fabc%2fmain", "/t%2F***%2fmain", 1},
        {"%2ft%2Fabc", "%2ft%2F***", 1},
        {"/x?next=%2Ft%2Fabc%2Fmain", "/x?next=%2Ft%2F***%2Fmain", 1},
        {"/x?next=%252Ft%252Fabc%252Fmain", "/x?next=%252Ft%252F***%252Fmain",
         1},
        {"/t/a%62c/main", "/t/*****/main", 1},
        {"/t/abc#top", "/t/***#top", 1},
        {"/t/abc\r\n/x", "/t/***\r\n/x", 1},
        {"/t/<TOKEN>/x", "/t/*******/x", 1},
        {"/t/a/t/b/x", "/t/*/t/*/x", 2},
        {"/t/a/x/t/b/y", "/t/*/x/t/*/y", 2},
        {"/t/a?r=/t/b/c", "/t/*?r=/t/*/c", 2},
        // A server that merges slashes and resolves dots finds these.
        {"/t//abc/main", "/t//***/main", 1},
        {"/t/./abc/main", "/t/./***/main", 1},
        {"/t/%2e/%2E%2e/abc/main", "/t/%2e/%2E%2e/***/main", 1},
        {"/t/x/../abc/main", "/t/*/../***/main", 2},
        {"/t/x/y/../../abc/main", "/t/*/y/../../***/main", 2},
        // No pair, or nothing in it.
        {"/t", "/t", 0},
        {"/t/", "/t/", 0},
        {"/t//", "/t//", 0},
        {"/t/?x", "/t/?x", 0},
        {"/t/****/main", "/t/****/main", 0},
        {"/tt/abc", "/tt/abc", 0},
        {"/T/abc", "/T/abc", 0},
        {"/xt/abc", "/xt/abc", 0},
        {"/t%/abc", "/t%/abc", 0},
        {"/t?/abc", "/t?/abc", 0},
        {"/tabc", "/tabc", 0},
        {"/%7/abc", "/%7/abc", 0},
    };
    for (const auto& c : cases) {
        check_case(psm::mask_token_url, c, {});
    }
}

class Random {
public:
    std::size_t pick(std::size_t n) { return random_() % n; }

    /// A character as it stands, or percent-encoded up to three levels deep.
    std::string spelled(char c)
    {
        auto depth = std::max<std::size_t>(pick(6), 2) - 2;
        if (depth == 0) {
            return {c};
        }
        constexpr std::string_view lower = "0123456789abcdef";
        constexpr std::string_view upper = "0123456789ABCDEF";
        const auto& digits = pick(2) == 0 ? lower : upper;
        const auto byte = static_cast<unsigned char>(c);
        std::string out = "%";
        while (--depth > 0) {
            out += "25";
        }
        return out + digits[byte >> 4U] + digits[byte & 15U];
    }

    std::string spelled(std::string_view text)
    {
        std::string out;
        for (const char c : text) {
            out += spelled(c);
        }
        return out;
    }

    /// Bytes that cannot continue a token, some of them halves of a code.
    std::string noise()
    {
        static constexpr std::array<std::string_view, 14> parts{
            "/",   "%",  "%2", "%25", "psm", "p", "-",
            "%2F", "an", "?",  "=",   " ",   "t", "%70s"};
        std::string out;
        for (auto left = pick(6); left > 0; left--) {
            out += parts[pick(parts.size())];
        }
        return out;
    }

private:
    std::mt19937 random_{20240602};
};

bool is_hidden(std::string_view text, std::size_t at, std::size_t length)
{
    return text.substr(at, length).find_first_not_of('*') == text.npos;
}

void every_spelling_of_a_token_is_hidden(void**)
{
    Random random;
    for (int i = 0; i < 20000; i++) {
        const auto token = psm::generate_token();
        const auto spelled = random.spelled(token);
        const auto before = random.noise();
        const auto after = "_" + random.noise();
        const auto whole = before + spelled + after;
        for (const Mask mask : {psm::mask_token_text, psm::mask_token_url}) {
            auto text = whole;
            check_that(whole, mask(text, {}) > 0);
            check_equal(whole, text.size(), whole.size());
            check_that(whole, is_hidden(text, before.size(), spelled.size()));
        }
        check_that(whole, psm::has_token_text(whole));
        auto text = whole;
        psm::mask_token_text(text);
        check_same(whole, text.substr(before.size() + spelled.size()), after);
        check_same(whole, text.substr(0, before.size()), before);
    }
}

void every_spelling_of_a_known_token_is_hidden(void**)
{
    Random random;
    for (int i = 0; i < 20000; i++) {
        // Short steps of few characters: near misses and false starts.
        std::string known;
        for (auto left = 16 + random.pick(8); left > 0; left--) {
            known += "ab-2"[random.pick(4)];
        }
        const auto spelled = random.spelled(known);
        const auto before = random.noise() + known.substr(0, random.pick(9));
        const auto whole = before + spelled + random.noise();
        for (const Mask mask : {psm::mask_token_text, psm::mask_token_url}) {
            auto text = whole;
            check_that(whole, mask(text, known) > 0);
            check_equal(whole, text.size(), whole.size());
            // A copy that begins earlier may have taken the first part.
            check_that(whole, !psm::has_token_text(text, known));
        }
        check_that(whole, psm::has_token_text(whole, known));
    }
}

void every_spelling_of_a_pair_is_hidden_in_urls(void**)
{
    Random random;
    for (int i = 0; i < 20000; i++) {
        const auto secret = "s3cr_t~" + std::to_string(i);
        const auto before = (random.pick(2) == 0 ? "/x" : "") +
                            random.spelled('/') + random.spelled('t') +
                            random.spelled('/');
        const auto spelled = random.spelled(secret);
        const auto after = random.spelled('/') + "main";
        auto text = before + spelled + after;
        check_equal(before + spelled, psm::mask_token_url(text), 1);
        check_same(before + spelled, text,
                   before + std::string(spelled.size(), '*') + after);
    }
}

void random_bytes_keep_their_length_and_lose_every_token(void**)
{
    Random random;
    constexpr std::string_view bytes = "psm-t/%25672dDFabAB.?# 0*";
    for (int i = 0; i < 30000; i++) {
        std::string text(random.pick(80), ' ');
        for (auto& c : text) {
            c = bytes[random.pick(bytes.size())];
        }
        const auto before = text;
        const bool has = psm::has_token_text(text);
        check_equal(before, psm::mask_token_text(text) > 0, has);
        check_that(before, !psm::has_token_text(text));
        psm::mask_token_url(text);
        const auto masked = text;
        check_equal(masked, psm::mask_token_url(text), 0);
        check_same(masked, text, masked);
        check_equal(before, text.size(), before.size());
        for (std::size_t k = 0; k < text.size(); k++) {
            check_that(before, text[k] == before[k] || text[k] == '*');
        }
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_our_shape_are_hidden),
        cmocka_unit_test(what_has_no_shape_stays),
        cmocka_unit_test(copies_of_a_known_token_are_hidden),
        cmocka_unit_test(a_known_token_that_holds_our_shape_is_hidden_whole),
        cmocka_unit_test(segments_behind_t_are_hidden_in_urls),
        cmocka_unit_test(every_spelling_of_a_token_is_hidden),
        cmocka_unit_test(every_spelling_of_a_known_token_is_hidden),
        cmocka_unit_test(every_spelling_of_a_pair_is_hidden_in_urls),
        cmocka_unit_test(random_bytes_keep_their_length_and_lose_every_token),
    };
    return cmocka_run_group_tests_name("mask", tests, nullptr, nullptr);
}
