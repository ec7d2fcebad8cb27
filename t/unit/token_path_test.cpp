// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "token_path.hpp"
#include "token_path_reference.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

using psm::Claim;
using psm::PathTokens;
using psm::TokenFormat;
using psm::Verdict;

PathTokens find(std::string_view uri, const Bases& bases, Claim& claim)
{
    return psm::find_path_tokens(uri, bases, psm::all_carriers,
                                 TokenFormat::any, claim);
}

std::string clean(std::string_view uri, const PathTokens& tokens)
{
    std::string out(tokens.clean_length(uri), '?');
    out.resize(psm::write_clean(uri, tokens, out.data()));
    return out;
}

std::string clean_in_place(std::string_view uri, const PathTokens& tokens)
{
    std::string text(uri);
    text.resize(std::max<std::size_t>(text.size(), 1));
    const auto length =
        psm::write_clean({text.data(), uri.size()}, tokens, text.data());
    return text.substr(0, length);
}

std::string masked(std::string_view uri, const PathTokens& tokens)
{
    std::string out(tokens.masked_length(uri), '?');
    out.resize(psm::write_masked(uri, tokens, out.data()));
    return out;
}

struct Case {
    std::string_view uri;
    std::string_view clean;
    std::string_view masked;
    Verdict verdict = Verdict::none;
    bool nothing_behind = false;
    bool empty_segment = false;
};

void check_case(const Case& c, const Bases& bases)
{
    Claim claim;
    const auto tokens = find(c.uri, bases, claim);
    check_same(c.uri, clean(c.uri, tokens), c.clean);
    check_same(c.uri, clean_in_place(c.uri, tokens), c.clean);
    check_same(c.uri, masked(c.uri, tokens), c.masked);
    check_equal(c.uri, tokens.clean_length(c.uri), c.clean.size());
    check_equal(c.uri, tokens.masked_length(c.uri), c.masked.size());
    check_equal(c.uri, claim.verdict(), c.verdict);
    check_equal(c.uri, tokens.nothing_behind, c.nothing_behind);
    check_equal(c.uri, tokens.empty_segment, c.empty_segment);
}

void pairs_at_the_start_are_found(void**)
{
    constexpr auto token = Verdict::token;
    constexpr auto bad = Verdict::malformed;
    const std::vector<Case> cases{
        {"/t/" TOKEN_A "/main/noarch/a.conda", "/main/noarch/a.conda",
         "/t/****/main/noarch/a.conda", token},
        {"/t/" TOKEN_A "/", "/", "/t/****/", token},
        {"/t/" TOKEN_A, "/", "/t/****", token, true},
        {"/t/" TOKEN_A "/t/" TOKEN_A "/x", "/x", "/t/****/x", token},
        {"/t/" TOKEN_A "/t/" TOKEN_A, "/", "/t/****", token, true},
        {"/t/" TOKEN_A "/t/" TOKEN_B "/x", "/x", "/t/****/x",
         Verdict::ambiguous},
        {"/t/" TOKEN_A "/t/*****/x", "/x", "/t/****/x", Verdict::masked},
        {"/t/" TOKEN_A "/t/short/x", "/x", "/t/****/x", bad},
        {"/t/" TOKEN_A "/t", "/", "/t/****", bad},
        {"/t/" TOKEN_A "/t/", "/", "/t/****", bad},
        {"/t", "/", "/t/****", bad},
        {"/t/", "/", "/t/****", bad},
        {"/t/t", "/", "/t/****", bad, true},
        {"/t/t/t/t/x", "/x", "/t/****/x", bad},
        {"/t/<TOKEN>/x", "/x", "/t/****/x", Verdict::masked},
        {"/t/$TOKEN/x", "/x", "/t/****/x", Verdict::masked},
        {"/t/a b/x", "/x", "/t/****/x", bad},
    };
    for (const auto& c : cases) {
        check_case(c, {"/"});
        check_case(c, {});
    }
}

void what_is_no_pair_stays(void**)
{
    for (const std::string_view uri :
         {"", "/", "/main/noarch/a.conda", "/tt/x", "/T/x", "/ta", "t/x", "*",
          "/x/t/y", "/main/t", "/apit/x", "/api", "/api/repo", "/apo/t/x", "//",
          "//main", "/main//t/x", "//api//x"}) {
        const auto expected = uri.empty() ? std::string_view("/") : uri;
        check_case({uri, expected, uri}, {"/", "/api/", "/api/repo/"});
    }
}

void pairs_behind_bases_are_found(void**)
{
    constexpr auto token = Verdict::token;
    constexpr auto bad = Verdict::malformed;
    const std::vector<Case> cases{
        {"/api/t/" TOKEN_A "/main", "/api/main", "/api/t/****/main", token},
        {"/api/repo/t/" TOKEN_A "/main", "/api/repo/main",
         "/api/repo/t/****/main", token},
        {"/t/" TOKEN_A "/api/repo/main", "/api/repo/main",
         "/t/****/api/repo/main", token},
        {"/t/" TOKEN_A "/api/repo/t/" TOKEN_A "/main", "/api/repo/main",
         "/t/****/api/repo/t/****/main", token},
        {"/api/t/" TOKEN_A "/repo/t/" TOKEN_B "/main", "/api/repo/main",
         "/api/t/****/repo/t/****/main", Verdict::ambiguous},
        {"/t/" TOKEN_A "/api/t/" TOKEN_A "/repo/t/" TOKEN_A "/t/" TOKEN_A
         "/main",
         "/api/repo/main", "/t/****/api/t/****/repo/t/****/main", token},
        {"/api/t/" TOKEN_A, "/api", "/api/t/****", token, true},
        {"/api/t/" TOKEN_A "/", "/api/", "/api/t/****/", token},
        {"/api/t/" TOKEN_A "/repo", "/api/repo", "/api/t/****/repo", token},
        {"/api/t", "/api", "/api/t/****", bad},
        {"/api/t/", "/api", "/api/t/****", bad},
        {"/t/" TOKEN_A "/api/t", "/api", "/t/****/api/t/****", bad},
        {"/api/tt/x", "/api/tt/x", "/api/tt/x"},
        {"/api/x/t/" TOKEN_A "/y", "/api/x/t/" TOKEN_A "/y",
         "/api/x/t/" TOKEN_A "/y"},
    };
    for (const auto& c : cases) {
        check_case(c, {"/", "/api/", "/api/repo/"});
        check_case(c, {"/api/", "/api/", "/else/", "/api/repo/"});
    }
}

void double_slashes_before_a_pair_are_told(void**)
{
    constexpr auto token = Verdict::token;
    constexpr auto bad = Verdict::malformed;
    const std::vector<Case> cases{
        {"//t/" TOKEN_A "/x", "/x", "/t/****/x", bad, false, true},
        {"/t//" TOKEN_A "/x", "/x", "/t/****/x", bad, false, true},
        {"/t//x", "/", "/t/****", bad, true, true},
        {"/t/" TOKEN_A "//t/" TOKEN_A "/x", "/x", "/t/****/x", bad, false,
         true},
        {"//api//repo/t/" TOKEN_A "/x", "//api//repo/x", "//api//repo/t/****/x",
         bad, false, true},
        {"/api/repo//t/" TOKEN_A "/x", "/api/repo/x", "/api/repo/t/****/x", bad,
         false, true},
        {"/t/" TOKEN_A "//api/t/" TOKEN_A "/x", "//api/x",
         "/t/****//api/t/****/x", bad, false, true},
        {"//t/", "/", "/t/****", bad, false, true},
        {"/t/" TOKEN_A "//main", "//main", "/t/****//main", token},
        {"/t/" TOKEN_A "//", "//", "/t/****//", token},
        {"/t/" TOKEN_A "/api//x", "/api//x", "/t/****/api//x", token},
        {"/t//", "/", "/t/****", bad},
        {"/t///", "/", "/t/****", bad},
        {"/t/" TOKEN_A "/t//", "/", "/t/****", bad},
    };
    for (const auto& c : cases) {
        check_case(c, {"/", "/api/", "/api/repo/"});
    }
}

void the_first_token_has_its_place(void**)
{
    struct Place {
        std::string_view uri;
        std::string_view text;
    };

    constexpr std::array<Place, 5> cases{{
        {"/t/" TOKEN_A "/api/t/" TOKEN_B "/x", TOKEN_A},
        {"/api/t/" TOKEN_B "/x", TOKEN_B},
        {"/t/bad/t/" TOKEN_A "/x", "bad"},
        {"/t", ""},
        {"/t/", ""},
    }};
    for (const auto& c : cases) {
        Claim claim;
        const auto tokens = find(c.uri, {"/api/"}, claim);
        check_that(c.uri, tokens.token_at <= c.uri.size());
        check_same(c.uri, c.uri.substr(tokens.token_at, tokens.token_len),
                   c.text);
    }
}

void path_tokens_are_cut_but_malformed_when_the_path_is_no_carrier(void**)
{
    Claim claim;
    constexpr std::string_view uri = "/t/" TOKEN_A "/main";
    const auto headers = static_cast<psm::CarrierSet>(
        psm::all_carriers & ~psm::carrier_bit(psm::Carrier::path));
    const auto tokens =
        psm::find_path_tokens(uri, {}, headers, TokenFormat::any, claim);
    check_same(uri, clean(uri, tokens), "/main");
    check_equal(uri, claim.verdict(), Verdict::malformed);
    check_same(uri, claim.token(), "");
}

void the_format_decides_what_a_path_token_may_be(void**)
{
    Claim claim;
    constexpr std::string_view uri = "/t/" TOKEN_B "/main";
    static_cast<void>(psm::find_path_tokens(uri, {}, psm::all_carriers,
                                            TokenFormat::psm, claim));
    check_equal(uri, claim.verdict(), Verdict::malformed);
}

void a_run_is_found_behind_every_base_there_may_be(void**)
{
    std::string uri = "/t/" TOKEN_A;
    std::string expected;
    std::string base = "/";
    std::vector<std::string> owned;
    for (std::size_t i = 0; i < psm::max_bases; i++) {
        const std::string segment(1, static_cast<char>('a' + i));
        base += segment + "/";
        owned.push_back(base);
        uri += "/" + segment + "/t/" TOKEN_A;
        expected += "/" + segment;
    }
    const Bases bases(owned.begin(), owned.end());
    Claim claim;
    const auto tokens = find(uri + "/z", bases, claim);
    check_equal("count", tokens.count, psm::max_bases + 1);
    check_same("clean", clean(uri + "/z", tokens), expected + "/z");
    check_equal("verdict", claim.verdict(), Verdict::token);
}

std::string merge(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c != '/' || out.empty() || out.back() != '/') {
            out += c;
        }
    }
    return out;
}

void check_random_uris(bool doubled)
{
    RandomUris random(doubled);
    int with_token = 0;
    for (int i = 0; i < 60000; i++) {
        const auto uri = random.uri();
        const auto bases = random.bases();
        const Reference expected(uri, bases);
        Claim claim;
        const auto tokens = find(uri, bases, claim);
        check_same(uri, merge(clean(uri, tokens)), expected.clean());
        check_same(uri, clean_in_place(uri, tokens), clean(uri, tokens));
        check_same(uri, merge(masked(uri, tokens)), expected.masked());
        check_equal(uri, claim.verdict(), expected.claim.verdict());
        check_same(uri, claim.token(), expected.claim.token());
        check_equal(uri, tokens.count > 0, expected.found);
        check_equal(uri, tokens.empty_segment, expected.empty_segment);
        if (!doubled) {
            check_same(uri, clean(uri, tokens), expected.clean());
            check_equal(uri, tokens.nothing_behind, expected.nothing_behind);
        }
        with_token += expected.found ? 1 : 0;
    }
    check_that("the URIs are worth it", with_token > 15000);
}

void random_uris_are_cut_as_the_rule_says(void**)
{
    check_random_uris(false);
}

void random_uris_with_double_slashes_are_cut_as_if_merged(void**)
{
    check_random_uris(true);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(pairs_at_the_start_are_found),
        cmocka_unit_test(what_is_no_pair_stays),
        cmocka_unit_test(pairs_behind_bases_are_found),
        cmocka_unit_test(double_slashes_before_a_pair_are_told),
        cmocka_unit_test(the_first_token_has_its_place),
        cmocka_unit_test(
            path_tokens_are_cut_but_malformed_when_the_path_is_no_carrier),
        cmocka_unit_test(the_format_decides_what_a_path_token_may_be),
        cmocka_unit_test(a_run_is_found_behind_every_base_there_may_be),
        cmocka_unit_test(random_uris_are_cut_as_the_rule_says),
        cmocka_unit_test(random_uris_with_double_slashes_are_cut_as_if_merged),
    };
    return cmocka_run_group_tests_name("token_path", tests, nullptr, nullptr);
}
