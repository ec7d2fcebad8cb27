// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "digest.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace {

std::string hex_of(psm::Hasher& hasher, std::string_view text)
{
    psm::TokenDigest digest;
    check_that(text, hasher.digest(text, digest));
    const auto hex = digest.hex();
    return {hex.data(), hex.size()};
}

void digests_are_sha_256(void**)
{
    struct Case {
        std::string_view text;
        std::string_view expected;
    };

    // FIPS 180-4 examples, and the vector of the token format.
    constexpr std::array<Case, 4> cases{{
        {"", "e3b0c44298fc1c149afbf4c8996fb924"
             "27ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223"
                "b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF",
         "3a2d7af6c93eb7e94e6423e16672ab5149c6f8f087ed23491ed6dbcecb94dbbc"},
    }};
    psm::Hasher hasher;
    // Twice: the second round runs on contexts that were used before.
    for (int round = 0; round < 2; round++) {
        for (const auto& c : cases) {
            check_same(c.text, hex_of(hasher, c.text), c.expected);
        }
    }
}

void equal_texts_have_equal_digests_and_views(void**)
{
    psm::Hasher hasher;
    psm::TokenDigest a;
    psm::TokenDigest b;
    check_that("a", hasher.digest("token-a", a));
    check_that("b", hasher.digest("token-b", b));
    check_that("differ", a != b);
    check_that("views differ", a.view() != b.view());
    check_equal("length", a.view().size(), 32);
    check_that("b again", hasher.digest("token-a", b));
    check_that("same", a == b);
    check_same("views", a.view(), b.view());
}

void the_view_is_the_digest_itself(void**)
{
    psm::TokenDigest digest;
    digest.bytes[0] = 0xab;
    digest.bytes[31] = 0x01;
    check_equal("first", static_cast<unsigned char>(digest.view().front()),
                0xab);
    const auto hex = digest.hex();
    const std::string_view text(hex.data(), hex.size());
    check_same("hex", text, "ab" + std::string(60, '0') + "01");
}

/// T72: nothing is compared with the text of a token, so that who guesses all
/// but one character is no nearer than anyone: the digests of 1,012 such
/// guesses begin as the right one's by no more than chance allows (four bytes
/// would be one in four million).
void a_guess_that_is_nearly_right_is_as_far_as_any(void**)
{
    psm::Hasher hasher;
    psm::TokenDigest right;
    psm::TokenDigest guess;
    std::string text = "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF";

    check_that("right", hasher.digest(text, right));
    for (std::size_t at = 0; at < text.size(); at++) {
        const char kept = text[at];
        for (char c = 'a'; c < 'w'; c++) {
            text[at] = c == kept ? '-' : c;
            check_that("guess", hasher.digest(text, guess));
            const auto differ = std::ranges::mismatch(guess.bytes, right.bytes);
            check_that(text, differ.in1 - guess.bytes.begin() < 4);
        }
        text[at] = kept;
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_sha_256),
        cmocka_unit_test(equal_texts_have_equal_digests_and_views),
        cmocka_unit_test(the_view_is_the_digest_itself),
        cmocka_unit_test(a_guess_that_is_nearly_right_is_as_far_as_any),
    };
    return cmocka_run_group_tests_name("digest", tests, nullptr, nullptr);
}
