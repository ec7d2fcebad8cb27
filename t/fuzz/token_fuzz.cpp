// SPDX-License-Identifier: BSD-2-Clause
//
// The text of a token. Input: 36 bytes that become a token's random part,
// three that say how to damage it, then a text to classify as it stands.
//
// CRC-32 finds every change that spans at most four bytes in a row, so a
// token that is damaged in that way must never be taken for another one.

#include "fuzz.hpp"

#include "../../lib/digest.hpp"
#include "../../lib/text.hpp"
#include "../../lib/token.hpp"

#include <algorithm>

namespace {

using fuzz::hold;
using fuzz::same;
using psm::TokenFormat;
using psm::TokenShape;

constexpr std::string_view digits = "0123456789"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz";

/// Bit by bit, from design.md: CRC-32 as zlib, in base62.
std::string checksum(std::string_view head)
{
    std::uint32_t crc = 0xffffffffU;
    for (const char c : head) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1U) != 0 ? crc >> 1U ^ 0xedb88320U : crc >> 1U;
        }
    }
    crc = ~crc;
    std::string text;
    for (int i = 0; i < 6; i++) {
        text.insert(text.begin(), digits[crc % 62]);
        crc /= 62;
    }
    return text;
}

bool is_made_of(std::string_view text, std::string_view alphabet)
{
    return text.find_first_not_of(alphabet) == std::string_view::npos;
}

bool is_variable(std::string_view text)
{
    const auto word = std::string(digits) + "_";
    return !text.empty() && is_made_of(text, word) &&
           !is_made_of(text.substr(0, 1), "0123456789");
}

bool is_placeholder(std::string_view text)
{
    if (text.size() >= 2 && is_made_of(text, "*")) {
        return true;
    }
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), psm::to_lower);
    if (lower == "<token>" || lower == "%3ctoken%3e") {
        return true;
    }
    if (text.starts_with("${") && text.ends_with("}")) {
        return is_variable(text.substr(2, text.size() - 3));
    }
    return text.starts_with("$") && is_variable(text.substr(1));
}

TokenShape expected(std::string_view text, TokenFormat format)
{
    if (text.size() == 46 && text.starts_with("psm-")) {
        return is_made_of(text.substr(4), digits) &&
                       text.substr(40) == checksum(text.substr(0, 40))
                   ? TokenShape::well_formed
                   : TokenShape::malformed;
    }
    if (is_placeholder(text)) {
        return TokenShape::placeholder;
    }
    const bool foreign = text.size() >= 16 && text.size() <= 128 &&
                         is_made_of(text, std::string(digits) + "-");
    return format == TokenFormat::any && foreign ? TokenShape::well_formed
                                                 : TokenShape::malformed;
}

void check_classes(std::string_view text)
{
    for (const auto format : {TokenFormat::psm, TokenFormat::any}) {
        hold(psm::classify_token(text, format) == expected(text, format),
             "the shape that design.md gives it", {text});
    }
    const auto made = psm::token_checksum(text);
    same({made.data(), made.size()}, checksum(text), "the checksum", {text});
}

/// A burst, a swap, or a byte more or less.
std::string damaged(std::string token, fuzz::Input& input)
{
    const auto kind = input.pick(5);
    const auto at = input.pick(token.size() - 4);
    const auto with = input.byte();
    switch (kind) {
    case 0:
        token[at] = static_cast<char>(token[at] ^ with);
        break;
    case 1:
        for (std::size_t i = 0; i < 4; i++) {
            token[at + i] = digits[(with + i * 7) % digits.size()];
        }
        break;
    case 2:
        std::swap(token[at], token[at + 1 + with % 3]);
        break;
    case 3:
        token.erase(at, 1 + with % 4);
        break;
    default:
        token.insert(at, 1, static_cast<char>(with));
        break;
    }
    return token;
}

void check_damage(fuzz::Input& input)
{
    std::string token = "psm-";
    while (token.size() < 40) {
        token += input.of(digits);
    }
    token += checksum(token);
    hold(psm::classify_token(token, TokenFormat::psm) ==
             TokenShape::well_formed,
         "a token of ours is one", {token});

    const auto other = damaged(token, input);
    if (other == token) {
        return;
    }
    // Across the border of the checksum, two changes might meet.
    const bool crosses = token.substr(0, 40) != other.substr(0, 40) &&
                         token.substr(40) != other.substr(40);
    if (!crosses) {
        hold(psm::classify_token(other, TokenFormat::psm) !=
                 TokenShape::well_formed,
             "a damaged token is none", {token, other});
    }
    psm::Hasher hasher;
    psm::TokenDigest a;
    psm::TokenDigest b;
    hold(hasher.digest(token, a) && hasher.digest(other, b) && a != b,
         "two tokens have two digests", {token, other});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    check_damage(input);
    check_classes(input.rest());
    return 0;
}
