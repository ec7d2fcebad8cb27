// SPDX-License-Identifier: BSD-2-Clause

#include "token_filter.hpp"

#include "channel.hpp"
#include "text.hpp"

#include <algorithm>

namespace psm {

namespace {

bool covers_channel(const TokenRecord& record, std::string_view channel)
{
    const auto covering = [channel](std::string_view grant) {
        return covers(grant, channel);
    };
    if (record.kind == TokenKind::scope) {
        return record.channels.empty() ||
               std::ranges::any_of(record.channels, covering);
    }
    return std::ranges::any_of(record.resources, [&](const auto& grant) {
        return covering(grant.first);
    });
}

bool contains(std::string_view text, std::string_view part)
{
    const auto same = [](char a, char b) { return to_lower(a) == to_lower(b); };
    return std::search(text.begin(), text.end(), part.begin(), part.end(),
                       same) != text.end();
}

bool has_text(const TokenRecord& record, std::string_view text)
{
    return contains(record.name, text) || contains(record.owner, text) ||
           contains(record.description, text);
}

bool ends_within(const TokenRecord& record, std::int64_t seconds,
                 std::int64_t now)
{
    return state_of(record, now) == TokenState::active &&
           record.expires != never_expires && record.expires - now <= seconds;
}

bool is_unused(const StoredToken& token, std::int64_t seconds, std::int64_t now)
{
    const std::int64_t last =
        std::max(token.record.created, token.last_used.value_or(0));
    return now - last >= seconds;
}

} // namespace

std::string_view state_name(TokenState state) noexcept
{
    switch (state) {
    case TokenState::active:
        return "active";
    case TokenState::expired:
        return "expired";
    case TokenState::disabled:
        return "disabled";
    case TokenState::deleted:
        break;
    }
    return "deleted";
}

TokenState state_of(const TokenRecord& record, std::int64_t now) noexcept
{
    if (record.deleted) {
        return TokenState::deleted;
    }
    if (record.disabled) {
        return TokenState::disabled;
    }
    return now >= record.expires ? TokenState::expired : TokenState::active;
}

bool matches(const TokenFilter& filter, const StoredToken& token,
             std::int64_t now)
{
    const TokenRecord& record = token.record;
    if (token.problem) {
        return filter == TokenFilter{};
    }
    if (!filter.owner.empty() && record.owner != filter.owner) {
        return false;
    }
    if (!filter.channel.empty() && !covers_channel(record, filter.channel)) {
        return false;
    }
    if (!filter.scope.empty() &&
        std::ranges::count(record.scopes, filter.scope) == 0) {
        return false;
    }
    if (!filter.text.empty() && !has_text(record, filter.text)) {
        return false;
    }
    if (filter.kind && record.kind != *filter.kind) {
        return false;
    }
    if (filter.state && state_of(record, now) != *filter.state) {
        return false;
    }
    if (filter.expiring && !ends_within(record, *filter.expiring, now)) {
        return false;
    }
    return !filter.unused || is_unused(token, *filter.unused, now);
}

} // namespace psm
