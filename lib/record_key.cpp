// SPDX-License-Identifier: BSD-2-Clause

#include "record_key.hpp"

#include "text.hpp"

#include <algorithm>
#include <span>

namespace psm {

namespace {

constexpr std::string_view token_kind = "t:";
constexpr std::string_view channel_kind = "c:";

/// 64 lower-case hexadecimal characters; no other text is a digest's.
bool read_digest(std::string_view hex, TokenDigest& out) noexcept
{
    if (hex.size() != 2 * out.bytes.size()) {
        return false;
    }
    for (std::size_t i = 0; i < out.bytes.size(); i++) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out.bytes[i] = static_cast<unsigned char>(high << 4 | low);
    }
    return std::ranges::equal(out.hex(), hex);
}

} // namespace

std::string record_key(std::string_view prefix, Subject subject,
                       std::string_view name)
{
    const bool is_token = subject == Subject::token;
    const std::size_t length = is_token ? 2 * name.size() : name.size();

    std::string key;
    key.reserve(prefix.size() + token_kind.size() + length);
    key.append(prefix).append(is_token ? token_kind : channel_kind);
    if (!is_token) {
        return key.append(name);
    }
    const std::size_t hex_at = key.size();
    key.resize(hex_at + length);
    to_hex({reinterpret_cast<const unsigned char*>(name.data()), name.size()},
           std::span<char>(key).subspan(hex_at));
    return key;
}

RecordName::RecordName(std::string_view prefix, std::string_view key) noexcept
{
    if (!key.starts_with(prefix)) {
        return;
    }
    key.remove_prefix(prefix.size());

    if (key.starts_with(token_kind)) {
        subject_ = Subject::token;
        known_ = read_digest(key.substr(token_kind.size()), digest_);
    } else if (key.starts_with(channel_kind)) {
        channel_ = key.substr(channel_kind.size());
        known_ = !channel_.empty();
    }
}

} // namespace psm
