// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "text.hpp"
#include "token.hpp"

#include <array>
#include <random>
#include <set>
#include <string>

namespace {

using psm::classify_token;
using psm::TokenFormat;
using psm::TokenShape;

constexpr std::string_view vector_head =
    "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view vector_token =
    "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF";

std::string checksum_of(std::string_view head)
{
    const auto digits = psm::token_checksum(head);
    return {digits.data(), digits.size()};
}

/// The definition of CRC-32, bit by bit, and of base62, digit by digit.
std::string plain_checksum(std::string_view head)
{
    std::uint32_t crc = 0xffffffffU;
    for (const char c : head) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1U) != 0 ? (crc >> 1U) ^ 0xedb88320U : crc >> 1U;
        }
    }
    crc = ~crc;
    std::string text;
    for (int i = 0; i < 6; i++) {
        const auto d = static_cast<char>(crc % 62);
        const char digit = d < 10   ? static_cast<char>('0' + d)
                           : d < 36 ? static_cast<char>('A' + d - 10)
                                    : static_cast<char>('a' + d - 36);
        text.insert(text.begin(), digit);
        crc /= 62;
    }
    return text;
}

void the_published_vector_holds(void**)
{
    check_same("checksum", checksum_of(vector_head), "4OPBnF");
    check_equal("shape", classify_token(vector_token, TokenFormat::psm),
                TokenShape::well_formed);
}

void the_checksum_is_zlibs_crc_in_base62(void**)
{
    // The check value of CRC-32 is 0xcbf43926 = 3,421,780,262.
    check_same("123456789", checksum_of("123456789"), "3jZRME");
    check_same("nothing", checksum_of(""), "000000");

    std::mt19937 random(1); // NOLINT(cert-msc51-cpp): repeatable on purpose
    for (int i = 0; i < 2000; i++) {
        std::string head(random() % 50, ' ');
        for (auto& c : head) {
            c = static_cast<char>(random() % 256);
        }
        check_same("random text", checksum_of(head), plain_checksum(head));
    }
}

void shapes_are_told_apart(void**)
{
    struct Case {
        std::string_view text;
        TokenShape own; // under TokenFormat::psm
        TokenShape any; // under TokenFormat::any
    };

    constexpr auto good = TokenShape::well_formed;
    constexpr auto mask = TokenShape::placeholder;
    constexpr auto bad = TokenShape::malformed;
    constexpr std::array<Case, 44> cases{{
        {vector_token, good, good},
        {"", bad, bad},
        {"psm-", bad, bad},
        // A typing error stays one, whatever the format.
        {"psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnG", bad, bad},
        {"psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXY-4OPBnF", bad, bad},
        {"psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXY_4OPBnF", bad, bad},
        // Another length or prefix is somebody else's.
        {"psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBn", bad, good},
        {"psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnFF", bad, good},
        {"PSM-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF", bad, good},
        {"0123456789abcdef0123456789abcdef0123456789abcdef", bad, good},
        {"an-1b4e28ba-2fa1-11d2-883f-0016d3cca427", bad, good},
        {"0123456789abcdef", bad, good},
        {"0123456789abcde", bad, bad},
        {"0123456789abcde_", bad, bad},
        {"0123456789abcde ", bad, bad},
        {"0123456789abcde\x80", bad, bad},
        {"0123456789abcde.", bad, bad},
        {"0123456789abcde%", bad, bad},
        {"**", mask, mask},
        {"*****", mask, mask},
        {"********", mask, mask},
        {"*", bad, bad},
        {"***a", bad, bad},
        {"a***", bad, bad},
        {"<TOKEN>", mask, mask},
        {"<token>", mask, mask},
        {"<TOKEN", bad, bad},
        {"TOKEN", bad, bad},
        {"%3CTOKEN%3E", mask, mask},
        {"%3cTOKEN%3e", mask, mask},
        {"$TOKEN", mask, mask},
        {"$_t0", mask, mask},
        {"${TOKEN}", mask, mask},
        {"${a_B9}", mask, mask},
        {"$", bad, bad},
        {"$$", bad, bad},
        {"$9", bad, bad},
        {"${}", bad, bad},
        {"${", bad, bad},
        {"${A", bad, bad},
        {"$A}", bad, bad},
        {"${A B}", bad, bad},
        {"${9}", bad, bad},
        {"$A-B", bad, bad},
    }};
    for (const auto& c : cases) {
        check_equal(c.text, classify_token(c.text, TokenFormat::psm), c.own);
        check_equal(c.text, classify_token(c.text, TokenFormat::any), c.any);
    }
}

void a_nul_inside_is_malformed(void**)
{
    std::string text(vector_token);
    text[20] = '\0';
    check_equal("psm", classify_token(text, TokenFormat::psm),
                TokenShape::malformed);
    check_equal("any", classify_token(text, TokenFormat::any),
                TokenShape::malformed);
}

void foreign_tokens_have_bounds(void**)
{
    for (const std::size_t length : {15U, 16U, 128U, 129U}) {
        const auto shape =
            classify_token(std::string(length, 'a'), TokenFormat::any);
        const bool fits = length == 16 || length == 128;
        check_equal("length", shape,
                    fits ? TokenShape::well_formed : TokenShape::malformed);
    }
}

void generated_tokens_are_well_formed_and_differ(void**)
{
    std::set<std::string> seen;
    for (int i = 0; i < 5000; i++) {
        const auto token = psm::generate_token();
        check_equal("psm", classify_token(token, TokenFormat::psm),
                    TokenShape::well_formed);
        check_equal("any", classify_token(token, TokenFormat::any),
                    TokenShape::well_formed);
        check_that("new", seen.insert(token).second);
    }
}

/// 36 * 20,000 characters over 62 cells: a remainder without rejection gives
/// the first 8 digits a quarter more than the others, 24 % beyond the mean;
/// chance leaves 5 standard deviations, about 5 %.
void generated_characters_are_equally_likely(void**)
{
    constexpr int tokens = 20000;
    std::array<int, 256> count{};
    for (int i = 0; i < tokens; i++) {
        const auto token = psm::generate_token();
        for (const char c : token.substr(4, 36)) {
            count[static_cast<unsigned char>(c)]++;
        }
    }
    const double mean = tokens * 36 / 62.0;
    for (int i = 0; i < 256; i++) {
        if (psm::is_alnum(static_cast<char>(i))) {
            const double share = count[static_cast<std::size_t>(i)] / mean;
            check_that("within 6 %", share > 0.94 && share < 1.06);
        } else {
            check_equal("outside the alphabet",
                        count[static_cast<std::size_t>(i)], 0);
        }
    }
}

void any_single_wrong_character_is_malformed(void**)
{
    for (int round = 0; round < 5; round++) {
        const auto token = psm::generate_token();
        for (std::size_t at = 0; at < token.size(); at++) {
            for (int value = 0; value < 256; value++) {
                auto wrong = token;
                wrong[at] = static_cast<char>(value);
                if (wrong == token) {
                    continue;
                }
                check_equal("psm", classify_token(wrong, TokenFormat::psm),
                            TokenShape::malformed);
                if (at >= psm::token_prefix.size()) {
                    check_equal("any", classify_token(wrong, TokenFormat::any),
                                TokenShape::malformed);
                }
            }
        }
    }
}

void swapped_neighbours_and_cut_tokens_are_malformed(void**)
{
    for (int round = 0; round < 50; round++) {
        const auto token = psm::generate_token();
        for (std::size_t at = 0; at + 1 < token.size(); at++) {
            auto wrong = token;
            std::swap(wrong[at], wrong[at + 1]);
            if (wrong != token) {
                check_equal("swapped", classify_token(wrong, TokenFormat::psm),
                            TokenShape::malformed);
            }
            check_equal("cut",
                        classify_token(token.substr(0, at), TokenFormat::psm),
                        TokenShape::malformed);
        }
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_holds),
        cmocka_unit_test(the_checksum_is_zlibs_crc_in_base62),
        cmocka_unit_test(shapes_are_told_apart),
        cmocka_unit_test(a_nul_inside_is_malformed),
        cmocka_unit_test(foreign_tokens_have_bounds),
        cmocka_unit_test(generated_tokens_are_well_formed_and_differ),
        cmocka_unit_test(generated_characters_are_equally_likely),
        cmocka_unit_test(any_single_wrong_character_is_malformed),
        cmocka_unit_test(swapped_neighbours_and_cut_tokens_are_malformed),
    };
    return cmocka_run_group_tests_name("token", tests, nullptr, nullptr);
}
