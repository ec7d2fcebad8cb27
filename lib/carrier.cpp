// SPDX-License-Identifier: BSD-2-Clause

#include "carrier.hpp"

#include "text.hpp"

#include <algorithm>

namespace psm {

namespace {

constexpr std::string_view blanks = " \t";

/// What pip and twine send beside a token.
constexpr std::string_view token_user = "x-auth-token";

/// RFC 9110 section 5.5: blanks around a field's value are not part of it.
std::string_view trim(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<Carrier> carrier_of_scheme(std::string_view scheme) noexcept
{
    if (iequals(scheme, "Bearer")) {
        return Carrier::bearer;
    }
    if (iequals(scheme, "token")) {
        return Carrier::token;
    }
    if (iequals(scheme, "Basic")) {
        return Carrier::basic;
    }
    return std::nullopt;
}

/// The token of a "user:password"; empty when there is none.
std::string_view token_of_pair(std::string_view pair) noexcept
{
    const auto colon = pair.find(':');
    if (colon == std::string_view::npos) {
        return {};
    }
    const auto password = pair.substr(colon + 1);
    if (password.empty() || password == token_user) {
        return pair.substr(0, colon);
    }
    return password;
}

std::string_view read_basic(std::string_view encoded,
                            std::span<char> scratch) noexcept
{
    const auto length = decode_base64(encoded, scratch);
    if (!length) {
        return {};
    }
    return token_of_pair({scratch.data(), *length});
}

} // namespace

std::optional<Credential> read_authorization(std::string_view value,
                                             CarrierSet enabled,
                                             TokenFormat format,
                                             std::span<char> scratch) noexcept
{
    value = trim(value);
    const auto scheme = value.substr(0, value.find_first_of(blanks));
    const auto carrier = carrier_of_scheme(scheme);
    if (!carrier || (enabled & carrier_bit(*carrier)) == 0) {
        return std::nullopt;
    }
    // RFC 9110 section 11.4: 1*SP. A tab stays, and makes the text malformed.
    auto text = value.substr(scheme.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (*carrier == Carrier::basic) {
        text = read_basic(text, scratch);
    }
    return Credential{*carrier, classify_token(text, format), text};
}

Credential read_plain_header(Carrier carrier, std::string_view value,
                             TokenFormat format) noexcept
{
    const auto text = trim(value);
    return {carrier, classify_token(text, format), text};
}

void Claim::add(const Credential& credential) noexcept
{
    const bool in_path = credential.carrier == Carrier::path;
    switch (credential.shape) {
    case TokenShape::well_formed:
        if (token_.empty()) {
            token_ = credential.text;
        }
        ambiguous_ = ambiguous_ || credential.text != token_;
        return;
    case TokenShape::placeholder:
        (in_path ? path_masked_ : header_masked_) = true;
        return;
    case TokenShape::malformed:
        (in_path ? path_malformed_ : header_malformed_) = true;
        return;
    }
}

Verdict Claim::verdict() const noexcept
{
    // Headers that hold no token do not count beside one.
    const bool headers_count = token_.empty();

    if (ambiguous_) {
        return Verdict::ambiguous;
    }
    if (path_masked_ || (headers_count && header_masked_)) {
        return Verdict::masked;
    }
    if (path_malformed_ || (headers_count && header_malformed_)) {
        return Verdict::malformed;
    }
    return headers_count ? Verdict::none : Verdict::token;
}

} // namespace psm
