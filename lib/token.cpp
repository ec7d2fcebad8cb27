// SPDX-License-Identifier: BSD-2-Clause
//
// CRC-32 runs over eight bytes at a time with eight tables: crc_tables[k][b]
// is what byte b does to the register when k more bytes follow it.

#include "token.hpp"

#include "blocks.hpp"
#include "text.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace psm {

namespace {

constexpr std::string_view base62 = "0123456789"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz";

constexpr std::size_t head_length = token_length - token_checksum_length;

using CrcTable = std::array<std::uint32_t, 256>;

constexpr std::array<CrcTable, 8> crc_tables = [] {
    constexpr std::uint32_t polynomial = 0xedb88320U;
    std::array<CrcTable, 8> tables{};
    for (std::uint32_t byte = 0; byte < 256; byte++) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? polynomial : 0U);
        }
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < tables.size(); k++) {
        for (std::size_t byte = 0; byte < 256; byte++) {
            const std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8U) ^ tables[0][before & 0xffU];
        }
    }
    return tables;
}();

/// The next eight bytes, the first of them lowest.
std::uint64_t load_word(const char* at) noexcept
{
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if constexpr (std::endian::native == std::endian::big) {
        word = __builtin_bswap64(word);
    }
    return word;
}

std::uint32_t crc32(std::string_view text) noexcept
{
    std::uint32_t crc = 0xffffffffU;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (; end - at >= 8; at += 8) {
        const std::uint64_t word = load_word(at) ^ crc;
        crc = crc_tables[7][word & 0xffU] ^ crc_tables[6][word >> 8U & 0xffU] ^
              crc_tables[5][word >> 16U & 0xffU] ^
              crc_tables[4][word >> 24U & 0xffU] ^
              crc_tables[3][word >> 32U & 0xffU] ^
              crc_tables[2][word >> 40U & 0xffU] ^
              crc_tables[1][word >> 48U & 0xffU] ^ crc_tables[0][word >> 56U];
    }
    for (; at != end; at++) {
        const auto byte = static_cast<unsigned char>(*at);
        crc = (crc >> 8U) ^ crc_tables[0][(crc ^ byte) & 0xffU];
    }
    return ~crc;
}

constexpr std::array<std::uint8_t, 256> digit_values = [] {
    std::array<std::uint8_t, 256> values{};
    for (std::size_t i = 0; i < base62.size(); i++) {
        values[static_cast<unsigned char>(base62[i])] =
            static_cast<std::uint8_t>(i);
    }
    return values;
}();

/// Of the right length. The last block overlaps the one before.
bool has_own_alphabet(std::string_view text) noexcept
{
    static_assert(token_length >= token_prefix.size() + 2 * block_size &&
                  token_length <= token_prefix.size() + 3 * block_size);
    const char* const body = text.data() + token_prefix.size();
    const char* const end = text.data() + token_length;

    return !any(~(is_alnum(load_block(body)) &
                  is_alnum(load_block(body + block_size)) &
                  is_alnum(load_block(end - block_size))));
}

bool is_foreign_token(std::string_view text) noexcept
{
    return text.size() >= min_foreign_token_length &&
           text.size() <= max_token_length &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alnum(c) || c == '-'; });
}

/// A shell variable's name.
bool is_variable_name(std::string_view text) noexcept
{
    return !text.empty() && !is_digit(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alnum(c) || c == '_'; });
}

/// Forms seen on the wire: clients.md section 2, "Literal placeholders".
bool is_placeholder(std::string_view text) noexcept
{
    if (text.size() < 2) {
        return false;
    }
    if (text.front() == '*') {
        return text.find_first_not_of('*') == std::string_view::npos;
    }
    if (text.front() == '$') {
        text.remove_prefix(1);
        if (text.front() == '{' && text.back() == '}') {
            text = text.substr(1, text.size() - 2);
        }
        return is_variable_name(text);
    }
    return iequals(text, "<TOKEN>") || iequals(text, "%3CTOKEN%3E");
}

} // namespace

std::array<char, token_checksum_length>
token_checksum(std::string_view head) noexcept
{
    std::array<char, token_checksum_length> digits{};
    std::uint32_t rest = crc32(head);
    for (std::size_t i = digits.size(); i > 0; i--) {
        digits[i - 1] = base62[rest % base62.size()];
        rest /= static_cast<std::uint32_t>(base62.size());
    }
    return digits;
}

bool is_own_token(std::string_view text) noexcept
{
    if (text.size() != token_length || !text.starts_with(token_prefix) ||
        !has_own_alphabet(text)) {
        return false;
    }
    // Read as a number: cheaper than to write the one that is wanted.
    std::uint64_t checksum = 0;
    for (std::size_t i = head_length; i < token_length; i++) {
        checksum = checksum * base62.size() +
                   digit_values[static_cast<unsigned char>(text[i])];
    }
    return checksum == crc32({text.data(), head_length});
}

bool holds_own_token(std::string_view text) noexcept
{
    for (std::size_t at = text.find(token_prefix); at != std::string_view::npos;
         at = text.find(token_prefix, at + 1)) {
        if (is_own_token(text.substr(at, token_length))) {
            return true;
        }
    }
    return false;
}

TokenShape classify_token(std::string_view text, TokenFormat format) noexcept
{
    // What has our prefix and our length was meant to be ours, so a wrong
    // checksum is a typing error, whatever else the format lets in.
    if (text.size() == token_length && text.starts_with(token_prefix)) {
        return is_own_token(text) ? TokenShape::well_formed
                                  : TokenShape::malformed;
    }
    if (is_placeholder(text)) {
        return TokenShape::placeholder;
    }
    if (format == TokenFormat::any && is_foreign_token(text)) {
        return TokenShape::well_formed;
    }
    return TokenShape::malformed;
}

std::string generate_token()
{
    // A byte decides one character. Those beyond the last whole multiple of
    // 62 are thrown away: a plain remainder would favour the first digits.
    constexpr auto limit =
        static_cast<unsigned char>(256 / base62.size() * base62.size());
    std::array<unsigned char, 64> random{};
    std::string token;
    token.reserve(token_length);
    token = token_prefix;
    while (token.size() < head_length) {
        if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
            throw std::runtime_error("the random number generator failed");
        }
        for (const unsigned char byte : random) {
            if (byte < limit && token.size() < head_length) {
                token.push_back(base62[byte % base62.size()]);
            }
        }
    }
    wipe({reinterpret_cast<char*>(random.data()), random.size()});
    const auto checksum = token_checksum(token);
    token.append(checksum.data(), checksum.size());
    return token;
}

} // namespace psm
