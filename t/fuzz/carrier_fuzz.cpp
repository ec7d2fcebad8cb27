// SPDX-License-Identifier: BSD-2-Clause
//
// Headers that may hold a token, and what several of them say together (T42
// to T57). Input: a line of two characters as in path_fuzz, then one line per
// header, its first character saying which:
//
//     A value   Authorization        P token   a token in the path
//     X value   X-Auth               B pair    Basic, encoded by us
//     K value   X-API-Key

#include "fuzz.hpp"

#include "../../lib/carrier.hpp"
#include "../../lib/text.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace {

using fuzz::hold;
using fuzz::same;
using psm::Carrier;
using psm::Credential;
using psm::TokenFormat;
using psm::TokenShape;
using psm::Verdict;

using Scratch = std::array<char, psm::max_basic_length>;

struct Setting {
    TokenFormat format = TokenFormat::psm;
    psm::CarrierSet enabled = psm::all_carriers;
};

constexpr std::string_view plain_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// base64, bit by bit.
std::string encode(std::string_view text, std::string_view digits, bool padded)
{
    const auto bit = [text](std::size_t i) {
        const auto byte =
            i / 8 < text.size() ? static_cast<unsigned char>(text[i / 8]) : 0U;
        return (byte >> (7 - i % 8)) & 1U;
    };
    std::string out;
    for (std::size_t at = 0; at < text.size() * 8; at += 6) {
        std::size_t value = 0;
        for (std::size_t i = 0; i < 6; i++) {
            value = value * 2 + bit(at + i);
        }
        out += digits[value];
    }
    while (padded && out.size() % 4 != 0) {
        out += '=';
    }
    return out;
}

/// Whatever is decoded has this one spelling, the digits' alphabet and the
/// padding apart.
void check_base64(std::string_view text)
{
    Scratch out{};
    const auto length = psm::decode_base64(text, out);
    if (!length) {
        return;
    }
    std::string plain(text.substr(0, text.find('=')));
    std::ranges::replace(plain, '-', '+');
    std::ranges::replace(plain, '_', '/');
    same(encode({out.data(), *length}, plain_digits, false), plain,
         "base64 has one spelling", {text});
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

bool lies_in(std::string_view part, std::string_view whole)
{
    return part.empty() ||
           (part.data() >= whole.data() &&
            part.data() + part.size() <= whole.data() + whole.size());
}

void check_shape(const Credential& credential, const Setting& setting)
{
    hold(credential.shape ==
             psm::classify_token(credential.text, setting.format),
         "the shape is that of the text", {credential.text});
}

void same_credential(const std::optional<Credential>& a,
                     const std::optional<Credential>& b, std::string_view about)
{
    hold(a.has_value() == b.has_value(), "a carrier either way", {about});
    if (a && b) {
        hold(a->carrier == b->carrier && a->shape == b->shape,
             "the same carrier and shape", {about});
        same(a->text, b->text, "the same candidate", {about});
    }
}

std::optional<Credential> read(std::string_view value, const Setting& setting,
                               Scratch& scratch)
{
    return psm::read_authorization(value, setting.enabled, setting.format,
                                   scratch);
}

void check_authorization(std::string_view value, const Setting& setting)
{
    Scratch scratch{};
    const auto found = read(value, setting, scratch);

    // Blanks around it and the case of the scheme mean nothing.
    std::string variant = "\t " + std::string(value) + " \t";
    const auto blanks = variant.find_first_not_of(" \t");
    for (auto i = blanks; i < variant.size() && psm::is_alpha(variant[i]);
         i++) {
        variant[i] = static_cast<char>(variant[i] ^ 0x20);
    }
    Scratch other{};
    same_credential(found, read(variant, setting, other), value);

    // Who is not asked is not heard; who is, is heard alone.
    const Setting nobody{setting.format, psm::carrier_bit(Carrier::path)};
    hold(!read(value, nobody, other), "a carrier that is off", {value});
    if (!found) {
        return;
    }
    check_shape(*found, setting);
    hold(lies_in(found->text, value) ||
             lies_in(found->text, {scratch.data(), scratch.size()}),
         "the candidate lies in what was given", {value});
    const Setting alone{setting.format, psm::carrier_bit(found->carrier)};
    same_credential(found, read(value, alone, other), value);

    const std::array<std::string_view, 4> schemes{"", "bearer", "token",
                                                  "basic"};
    const auto carrier = static_cast<std::size_t>(found->carrier);
    hold(carrier >= 1 && carrier <= 3 &&
             psm::iequals(trimmed(value).substr(0, schemes[carrier].size()),
                          schemes[carrier]),
         "the carrier is the scheme's", {value});
}

/// The token of a pair: the password, or the user where design.md says so.
std::string_view expected_of(std::string_view pair)
{
    const auto colon = pair.find(':');
    if (pair.size() > psm::max_basic_length ||
        colon == std::string_view::npos) {
        return {};
    }
    const auto password = pair.substr(colon + 1);
    return password.empty() || password == "x-auth-token"
               ? pair.substr(0, colon)
               : password;
}

void check_basic(std::string_view pair, const Setting& setting)
{
    const Setting on{setting.format, psm::all_carriers};
    for (const auto digits : {plain_digits, url_digits}) {
        for (const bool padded : {false, true}) {
            Scratch scratch{};
            const auto value = "Basic " + encode(pair, digits, padded);
            const auto found = read(value, on, scratch);
            hold(found.has_value(), "Basic is a carrier", {value});
            same(found->text, expected_of(pair), "the token of a pair", {pair});
            check_shape(*found, on);
        }
    }
}

/// design.md section 2, by sets.
Verdict expected_verdict(const std::vector<Credential>& credentials)
{
    std::set<std::string_view> tokens;
    for (const auto& c : credentials) {
        if (c.shape == TokenShape::well_formed) {
            tokens.insert(c.text);
        }
    }
    if (tokens.size() > 1) {
        return Verdict::ambiguous;
    }
    // A header that holds none is ignored beside a token.
    std::set<TokenShape> counting;
    for (const auto& c : credentials) {
        if (c.carrier == Carrier::path || tokens.empty()) {
            counting.insert(c.shape);
        }
    }
    if (counting.contains(TokenShape::placeholder)) {
        return Verdict::masked;
    }
    if (counting.contains(TokenShape::malformed)) {
        return Verdict::malformed;
    }
    return tokens.empty() ? Verdict::none : Verdict::token;
}

/// Any order of the carriers means the same.
void check_claim(std::vector<Credential> credentials)
{
    const auto expected = expected_verdict(credentials);
    for (std::size_t turn = 0; turn < 2 * credentials.size() + 1; turn++) {
        psm::Claim claim;
        for (const auto& credential : credentials) {
            claim.add(credential);
        }
        hold(claim.verdict() == expected, "the verdict in any order");
        for (const auto& credential : credentials) {
            if (expected == Verdict::token &&
                credential.shape == TokenShape::well_formed) {
                same(claim.token(), credential.text, "the one token");
            }
        }
        if (turn == credentials.size()) {
            std::ranges::reverse(credentials);
        } else if (!credentials.empty()) {
            std::rotate(credentials.begin(), credentials.begin() + 1,
                        credentials.end());
        }
    }
}

/// Reads one header; adds to the credentials what it holds.
void take_line(std::string_view line, const Setting& setting, Scratch& scratch,
               std::vector<Credential>& credentials)
{
    const char kind = line.front();
    const auto value = line.substr(std::min<std::size_t>(2, line.size()));
    if (kind == 'A') {
        check_authorization(value, setting);
        const auto found = read(value, setting, scratch);
        if (found) {
            credentials.push_back(*found);
        }
    } else if (kind == 'B') {
        check_basic(value, setting);
        check_base64(value);
    } else if (kind == 'X' || kind == 'K') {
        const auto carrier = kind == 'X' ? Carrier::x_auth : Carrier::x_api_key;
        credentials.push_back(
            psm::read_plain_header(carrier, value, setting.format));
        same(credentials.back().text, trimmed(value), "blanks are cut");
        hold(credentials.back().carrier == carrier, "the carrier is kept");
        check_shape(credentials.back(), setting);
    } else if (kind == 'P') {
        credentials.push_back(
            {Carrier::path, psm::classify_token(value, setting.format), value});
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    const auto options = std::string(input.line()) + "p?";
    Setting setting;
    setting.format = options[0] == 'a' ? TokenFormat::any : TokenFormat::psm;
    setting.enabled = options[1] & psm::all_carriers;

    std::array<Scratch, 8> scratches{};
    std::vector<Credential> credentials;
    for (auto& scratch : scratches) {
        const auto line = input.line();
        if (!line.empty()) {
            take_line(line, setting, scratch, credentials);
        }
    }
    check_claim(credentials);
    return 0;
}
