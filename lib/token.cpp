// SPDX-License-Identifier: BSD-2-Clause
//
// CRC-32 runs over four bytes at a time with four tables: crc_tables[k][b]
// is what byte b does to the register when k more bytes follow it.

#include "token.hpp"

#include "text.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace psm {

namespace {

constexpr std::string_view base62 = "0123456789"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz";

constexpr std::size_t head_length = token_length - token_checksum_length;

using CrcTable = std::array<std::uint32_t, 256>;

constexpr std::array<CrcTable, 4> crc_tables = [] {
    constexpr std::uint32_t polynomial = 0xedb88320U;
    std::array<CrcTable, 4> tables{};
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

constexpr std::uint32_t byte_at(std::string_view text, std::size_t i) noexcept
{
    return static_cast<unsigned char>(text[i]);
}

constexpr std::uint32_t crc32(std::string_view text) noexcept
{
    std::uint32_t crc = 0xffffffffU;
    std::size_t i = 0;
    for (; i + 4 <= text.size(); i += 4) {
        crc ^= byte_at(text, i) | byte_at(text, i + 1) << 8U |
               byte_at(text, i + 2) << 16U | byte_at(text, i + 3) << 24U;
        crc = crc_tables[3][crc & 0xffU] ^ crc_tables[2][(crc >> 8U) & 0xffU] ^
              crc_tables[1][(crc >> 16U) & 0xffU] ^ crc_tables[0][crc >> 24U];
    }
    for (; i < text.size(); i++) {
        crc = (crc >> 8U) ^ crc_tables[0][(crc ^ byte_at(text, i)) & 0xffU];
    }
    return ~crc;
}

/// Who may stand where, one byte a character: cheaper than comparisons on
/// the way of every request.
constexpr std::array<bool, 256> alnum_table = [] {
    std::array<bool, 256> table{};
    for (const char c : base62) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

bool is_own_token(std::string_view text) noexcept
{
    const auto body = text.substr(token_prefix.size());
    const bool alphabet = std::all_of(body.begin(), body.end(), [](char c) {
        return alnum_table[static_cast<unsigned char>(c)];
    });
    if (!alphabet) {
        return false;
    }
    const auto checksum = token_checksum(text.substr(0, head_length));
    return text.substr(head_length) ==
           std::string_view(checksum.data(), checksum.size());
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
