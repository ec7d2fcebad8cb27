// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "text.hpp"

#include <array>
#include <cstring>
#include <string>

namespace {

std::optional<std::string> decoded(std::string_view text, std::size_t room)
{
    std::array<char, 64> buffer{};
    const auto length = psm::decode_base64(text, std::span(buffer).first(room));
    if (!length) {
        return std::nullopt;
    }
    return std::string(buffer.data(), *length);
}

void base64_of_both_alphabets_is_decoded(void**)
{
    struct Case {
        std::string_view text;
        std::string_view expected;
    };

    // RFC 4648 section 10, then both alphabets.
    constexpr std::array<Case, 11> cases{{
        {"", ""},
        {"Zg==", "f"},
        {"Zg", "f"},
        {"Zm8=", "fo"},
        {"Zm8", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
        {"-_-_", "\xfb\xff\xbf"},
        {"+_-/", "\xfb\xff\xbf"},
    }};
    for (const auto& c : cases) {
        const auto text = decoded(c.text, 64);
        check_that(c.text, text.has_value());
        check_same(c.text, *text, c.expected);
    }
}

void what_is_not_base64_is_refused(void**)
{
    constexpr std::array<std::string_view, 16> cases{
        "A",   "AAAAA", "A===",  "Z",     "Zm9vY", "=",    "==",     "====",
        "Zg=", "Zg===", "Zm8==", "Zm9v=", "Zg=g",  "Z g=", "Zm9v\n", "Zm\x80v",
    };
    for (const auto c : cases) {
        check_that(c, !decoded(c, 64));
    }
}

void a_value_has_one_spelling(void**)
{
    check_that("bits behind one byte", !decoded("Zh==", 64));
    check_that("bits behind two bytes", !decoded("Zm9", 64));
}

void decoding_never_writes_past_the_buffer(void**)
{
    check_same("fits exactly", decoded("Zm9vYmFy", 6).value_or("?"), "foobar");
    check_that("one byte short", !decoded("Zm9vYmFy", 5));
    check_that("no room", !decoded("Zg==", 0));
}

void hexadecimal_is_lower_case(void**)
{
    constexpr std::array<unsigned char, 4> bytes{0x00, 0x7f, 0xab, 0xff};
    std::array<char, 8> text{};
    psm::to_hex(bytes, text);
    check_same("hex", std::string_view(text.data(), text.size()), "007fabff");
}

void every_character_has_its_hexadecimal_value(void**)
{
    constexpr std::string_view lower = "0123456789abcdef";
    constexpr std::string_view upper = "0123456789ABCDEF";
    for (int i = 0; i < 256; i++) {
        const char c = static_cast<char>(i);
        const auto at =
            lower.find(c) != lower.npos ? lower.find(c) : upper.find(c);
        check_equal("value", psm::hex_value(c),
                    at == lower.npos ? -1 : static_cast<int>(at));
    }
}

void a_wiped_secret_is_gone(void**)
{
    std::string secret = "psm-secret";
    psm::wipe(secret);
    check_same("wiped", secret, std::string(10, '\0'));
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_both_alphabets_is_decoded),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(a_value_has_one_spelling),
        cmocka_unit_test(decoding_never_writes_past_the_buffer),
        cmocka_unit_test(hexadecimal_is_lower_case),
        cmocka_unit_test(every_character_has_its_hexadecimal_value),
        cmocka_unit_test(a_wiped_secret_is_gone),
    };
    return cmocka_run_group_tests_name("text", tests, nullptr, nullptr);
}
