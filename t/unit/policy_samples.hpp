// SPDX-License-Identifier: BSD-2-Clause
//
// Tokens, targets and questions for the tests of the policy.

#pragma once

#include "../../lib/policy.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace samples {

inline constexpr std::int64_t now = 1790000000;
inline constexpr psm::Target package{psm::TargetKind::file, "main"};
inline constexpr psm::Target package_below{psm::TargetKind::file, "main/dev"};
inline constexpr psm::Target index_of_main{psm::TargetKind::index, "main"};
inline constexpr psm::Target nowhere{psm::TargetKind::unknown, ""};

using Resources = std::map<std::string, psm::Level>;
using Names = std::vector<std::string>;

inline std::string resource_token(Resources resources,
                                  std::int64_t expires = psm::never_expires)
{
    psm::TokenRecord record;
    record.resources = std::move(resources);
    record.expires = expires;
    return psm::pack(record);
}

inline std::string scope_token(Names scopes, Names channels = {})
{
    psm::TokenRecord record;
    record.kind = psm::TokenKind::scope;
    record.scopes = std::move(scopes);
    record.channels = std::move(channels);
    return psm::pack(record);
}

inline psm::Holder known(const std::string& bytes)
{
    return {psm::Standing::known, psm::Identity(bytes)};
}

inline psm::Question question(psm::Method method, const psm::Target& target,
                              std::string_view require = "auto",
                              bool levels = false)
{
    return {method, target, psm::parse_requirement(require), levels};
}

inline std::string_view
code(const psm::Question& asked, const psm::Holder& holder,
     psm::ChannelPrivacy privacy = psm::ChannelPrivacy::closed)
{
    return psm::info(psm::decide(asked, holder, privacy, now).reason).code;
}

} // namespace samples
