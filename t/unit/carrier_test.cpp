// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "carrier.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

using psm::all_carriers;
using psm::Carrier;
using psm::Credential;
using psm::TokenFormat;
using psm::TokenShape;
using psm::Verdict;

constexpr auto good = TokenShape::well_formed;
constexpr auto mask = TokenShape::placeholder;
constexpr auto bad = TokenShape::malformed;

#define TOKEN "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF"

constexpr std::string_view token = TOKEN;

std::string base64(std::string_view text)
{
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "abcdefghijklmnopqrstuvwxyz"
                                        "0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; k++) {
            bits <<= 8U;
            if (i + k < text.size()) {
                bits |= static_cast<unsigned char>(text[i + k]);
            }
        }
        for (std::size_t k = 0; k < 4; k++) {
            const bool inside = i + k < text.size() + 1;
            out += inside ? digits[(bits >> (18 - 6 * k)) & 63U] : '=';
        }
    }
    return out;
}

void bearer_and_token_values_are_read(void**)
{
    struct Case {
        std::string_view value;
        Carrier carrier;
        TokenShape shape;
        std::string_view text;
    };

    constexpr std::array<Case, 24> cases{{
        {"Bearer " TOKEN, Carrier::bearer, good, token},
        {"bearer " TOKEN, Carrier::bearer, good, token},
        {"BEARER    " TOKEN, Carrier::bearer, good, token},
        {"Bearer " TOKEN " \t ", Carrier::bearer, good, token},
        {"\t Bearer " TOKEN, Carrier::bearer, good, token},
        {"token " TOKEN, Carrier::token, good, token},
        {"Token " TOKEN, Carrier::token, good, token},
        {"ToKeN  " TOKEN, Carrier::token, good, token},
        {"Bearer", Carrier::bearer, bad, ""},
        {"Bearer ", Carrier::bearer, bad, ""},
        {"Bearer \t", Carrier::bearer, bad, ""},
        {"token", Carrier::token, bad, ""},
        {"Bearer\t" TOKEN, Carrier::bearer, bad, "\t" TOKEN},
        {"Bearer \t" TOKEN, Carrier::bearer, bad, "\t" TOKEN},
        {"Bearer " TOKEN " " TOKEN, Carrier::bearer, bad, TOKEN " " TOKEN},
        {"Bearer " TOKEN ",", Carrier::bearer, bad, TOKEN ","},
        {"Bearer \"" TOKEN "\"", Carrier::bearer, bad, "\"" TOKEN "\""},
        {"Bearer " TOKEN "\r", Carrier::bearer, bad, TOKEN "\r"},
        {"Bearer \x80" TOKEN, Carrier::bearer, bad, "\x80" TOKEN},
        {"Bearer " TOKEN "\xe9", Carrier::bearer, bad, TOKEN "\xe9"},
        {"Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln", Carrier::bearer, bad,
         "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"},
        {"Bearer ****", Carrier::bearer, mask, "****"},
        {"token $PSM_TOKEN", Carrier::token, mask, "$PSM_TOKEN"},
        {"Bearer <TOKEN>", Carrier::bearer, mask, "<TOKEN>"},
    }};
    for (const auto& c : cases) {
        const auto read = psm::read_authorization(c.value, all_carriers,
                                                  TokenFormat::psm, {});
        check_that(c.value, read.has_value());
        check_equal(c.value, read->carrier, c.carrier);
        check_equal(c.value, read->shape, c.shape);
        check_same(c.value, read->text, c.text);
    }
}

void a_nul_in_a_value_is_malformed(void**)
{
    std::string value = "Bearer " TOKEN;
    value.push_back('\0');
    const auto read =
        psm::read_authorization(value, all_carriers, TokenFormat::any, {});
    check_that("read", read.has_value());
    check_equal("shape", read->shape, bad);
}

void other_schemes_are_no_carrier(void**)
{
    constexpr std::array<std::string_view, 13> cases{
        "",
        "   ",
        "Digest username=\"x\"",
        "Negotiate a",
        "AWS4-HMAC x",
        "Bearer,x",
        "Bearer=x",
        "Bearertoken " TOKEN,
        "Bear " TOKEN,
        TOKEN,
        "Tokens " TOKEN,
        "Basics eA==",
        "Basic:eA==",
    };
    for (const auto c : cases) {
        std::array<char, psm::max_basic_length> scratch{};
        check_that(c, !psm::read_authorization(c, all_carriers,
                                               TokenFormat::any, scratch));
    }
}

void carriers_that_are_off_are_not_read(void**)
{
    struct Case {
        std::string_view value;
        Carrier carrier;
    };

    constexpr std::array<Case, 3> cases{{
        {"Bearer " TOKEN, Carrier::bearer},
        {"token " TOKEN, Carrier::token},
        {"Basic eDp5", Carrier::basic},
    }};
    std::array<char, psm::max_basic_length> scratch{};
    for (const auto& c : cases) {
        const auto only = psm::carrier_bit(c.carrier);
        const auto others = static_cast<psm::CarrierSet>(all_carriers & ~only);
        check_that(c.value, psm::read_authorization(c.value, only,
                                                    TokenFormat::psm, scratch));
        check_that(c.value, !psm::read_authorization(
                                c.value, others, TokenFormat::psm, scratch));
    }
}

void basic_holds_the_token_as_password_or_user(void**)
{
    struct Case {
        std::string_view pair;
        TokenShape shape;
        std::string_view text;
    };

    constexpr std::array<Case, 15> cases{{
        {"alice:" TOKEN, good, token},
        {":" TOKEN, good, token},
        {"x-auth-token:" TOKEN, good, token},
        {TOKEN ":", good, token},
        {TOKEN ":x-auth-token", good, token},
        {TOKEN ":" TOKEN, good, token},
        {TOKEN ":other", bad, "other"},
        {"alice:secret", bad, "secret"},
        {"alice:" TOKEN ":x", bad, TOKEN ":x"},
        {"alice: " TOKEN, bad, " " TOKEN},
        {"alice:" TOKEN "\n", bad, TOKEN "\n"},
        {":", bad, ""},
        {":x-auth-token", bad, ""},
        {"alice:*****", mask, "*****"},
        {"$PSM_TOKEN:x-auth-token", mask, "$PSM_TOKEN"},
    }};
    for (const auto& c : cases) {
        for (const std::string scheme : {"Basic ", "basic   ", "BASIC "}) {
            std::array<char, psm::max_basic_length> scratch{};
            const auto value = scheme + base64(c.pair) + " ";
            const auto read = psm::read_authorization(
                value, all_carriers, TokenFormat::psm, scratch);
            check_that(c.pair, read.has_value());
            check_equal(c.pair, read->carrier, Carrier::basic);
            check_equal(c.pair, read->shape, c.shape);
            check_same(c.pair, read->text, c.text);
        }
    }
}

void a_basic_value_that_cannot_be_read_is_malformed_and_empty(void**)
{
    const std::string long_pair =
        ":" + std::string(psm::max_basic_length - 1, 'a');
    const std::array<std::string, 9> values{
        "Basic",
        "Basic ",
        "Basic ????",
        "Basic " + base64(":" TOKEN) + "!",
        "Basic " + base64("no colon here"),
        "Basic " + base64(":" TOKEN) + " x",
        "Basic \t" + base64(":" TOKEN),
        "Basic " + base64(long_pair + "a"),
        "Basic " + base64(std::string(100000, ':')),
    };
    for (const auto& value : values) {
        std::array<char, psm::max_basic_length> scratch{};
        const auto read = psm::read_authorization(value, all_carriers,
                                                  TokenFormat::any, scratch);
        const auto label = std::string_view(value).substr(0, 40);
        check_that(label, read.has_value());
        check_equal(label, read->shape, bad);
        check_same(label, read->text, "");
    }
    std::array<char, psm::max_basic_length> scratch{};
    const auto fits = "Basic " + base64(long_pair);
    const auto read =
        psm::read_authorization(fits, all_carriers, TokenFormat::any, scratch);
    check_that("longest", read.has_value());
    check_equal("longest", read->text.size(), psm::max_basic_length - 1);
}

void basic_stays_within_a_short_scratch(void**)
{
    std::array<char, 8> scratch{};
    const auto value = "Basic " + base64("123:56789");
    const auto read =
        psm::read_authorization(value, all_carriers, TokenFormat::any, scratch);
    check_that("read", read.has_value());
    check_same("text", read->text, "");
    check_equal("shape", read->shape, bad);
}

void plain_headers_are_the_token(void**)
{
    struct Case {
        std::string_view value;
        TokenShape shape;
        std::string_view text;
    };

    constexpr std::array<Case, 7> cases{{
        {TOKEN, good, token},
        {" \t" TOKEN "\t ", good, token},
        {"", bad, ""},
        {" \t", bad, ""},
        {"Bearer " TOKEN, bad, "Bearer " TOKEN},
        {TOKEN "," TOKEN, bad, TOKEN "," TOKEN},
        {"********", mask, "********"},
    }};
    for (const auto& c : cases) {
        for (const auto carrier : {Carrier::x_auth, Carrier::x_api_key}) {
            const auto read =
                psm::read_plain_header(carrier, c.value, TokenFormat::psm);
            check_equal(c.value, read.carrier, carrier);
            check_equal(c.value, read.shape, c.shape);
            check_same(c.value, read.text, c.text);
        }
    }
}

constexpr std::string_view other_token = "another-token-0123456789";

/// A letter stands for what one carrier holds; capitals for the path.
/// g, o: good tokens (o another one); p: placeholder; m: malformed.
Credential credential_of(char letter)
{
    const bool path = letter >= 'A' && letter <= 'Z';
    const auto carrier = path ? Carrier::path : Carrier::x_auth;
    switch (path ? letter - 'A' + 'a' : letter) {
    case 'g':
        return {carrier, good, token};
    case 'o':
        return {carrier, good, other_token};
    case 'p':
        return {carrier, mask, "*****"};
    default:
        return {carrier, bad, "?"};
    }
}

void a_claim_weighs_its_credentials(void**)
{
    struct Case {
        std::string_view letters;
        Verdict expected;
    };

    constexpr std::array<Case, 30> cases{{
        {"", Verdict::none},         {"g", Verdict::token},
        {"G", Verdict::token},       {"p", Verdict::masked},
        {"P", Verdict::masked},      {"m", Verdict::malformed},
        {"M", Verdict::malformed},   {"Gg", Verdict::token},
        {"ggG", Verdict::token},     {"Go", Verdict::ambiguous},
        {"go", Verdict::ambiguous},  {"GO", Verdict::ambiguous},
        {"gog", Verdict::ambiguous}, {"gm", Verdict::token},
        {"gp", Verdict::token},      {"Gm", Verdict::token},
        {"Gp", Verdict::token},      {"gM", Verdict::malformed},
        {"gP", Verdict::masked},     {"GM", Verdict::malformed},
        {"GP", Verdict::masked},     {"MP", Verdict::masked},
        {"mp", Verdict::masked},     {"Mp", Verdict::masked},
        {"Pm", Verdict::masked},     {"GoM", Verdict::ambiguous},
        {"goP", Verdict::ambiguous}, {"gMP", Verdict::masked},
        {"Gmp", Verdict::token},     {"gmpM", Verdict::malformed},
    }};
    for (const auto& c : cases) {
        std::string letters(c.letters);
        std::sort(letters.begin(), letters.end());
        // The order in which carriers were read must not matter.
        do {
            psm::Claim claim;
            for (const char letter : letters) {
                claim.add(credential_of(letter));
            }
            check_equal(letters, claim.verdict(), c.expected);
        } while (std::next_permutation(letters.begin(), letters.end()));
    }
}

void a_claim_holds_the_first_token(void**)
{
    psm::Claim claim;
    check_same("none", claim.token(), "");
    claim.add(credential_of('m'));
    check_same("malformed", claim.token(), "");
    claim.add(credential_of('o'));
    claim.add(credential_of('G'));
    check_same("first", claim.token(), other_token);
}

void names_stand_in_the_order_of_carriers(void**)
{
    check_equal("all", psm::all_carriers,
                (1U << psm::carrier_names.size()) - 1);
    check_same("path",
               psm::carrier_names[static_cast<std::size_t>(Carrier::path)],
               "path");
    check_same("last",
               psm::carrier_names[static_cast<std::size_t>(Carrier::x_api_key)],
               "x-api-key");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(bearer_and_token_values_are_read),
        cmocka_unit_test(a_nul_in_a_value_is_malformed),
        cmocka_unit_test(other_schemes_are_no_carrier),
        cmocka_unit_test(carriers_that_are_off_are_not_read),
        cmocka_unit_test(basic_holds_the_token_as_password_or_user),
        cmocka_unit_test(
            a_basic_value_that_cannot_be_read_is_malformed_and_empty),
        cmocka_unit_test(basic_stays_within_a_short_scratch),
        cmocka_unit_test(plain_headers_are_the_token),
        cmocka_unit_test(a_claim_weighs_its_credentials),
        cmocka_unit_test(a_claim_holds_the_first_token),
        cmocka_unit_test(names_stand_in_the_order_of_carriers),
    };
    return cmocka_run_group_tests_name("carrier", tests, nullptr, nullptr);
}
