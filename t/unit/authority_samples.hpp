// SPDX-License-Identifier: BSD-2-Clause
//
// The words of the reference model as records of ours, and what is said of them
// as words again.

#pragma once

#include "authority_reference.hpp"

#include "../../lib/authority.hpp"

#include <string>
#include <vector>

namespace samples {

inline psm::Resources resources_of(const reference::Grants& grants)
{
    psm::Resources resources;
    for (const auto& [path, level] : grants.resources) {
        resources[path] = static_cast<psm::Level>(level);
    }
    return resources;
}

inline psm::UserRecord user(const reference::Grants& grants)
{
    return {.admin = grants.admin,
            .resources = resources_of(grants),
            .scopes = grants.scopes,
            .channels = grants.channels};
}

/// Of grants of one kind.
inline psm::TokenRecord token(const reference::Wanted& wanted)
{
    psm::TokenRecord record;
    record.id = "id";
    record.name = "name";
    record.owner = "owner";
    record.kind = wanted.grants.scopes.empty() ? psm::TokenKind::resource
                                               : psm::TokenKind::scope;
    record.resources = resources_of(wanted.grants);
    record.scopes = wanted.grants.scopes;
    record.channels = wanted.grants.channels;
    record.expires = wanted.expires;
    return record;
}

inline psm::TokenRecord token(const std::string& words)
{
    return token(reference::Wanted{.grants = reference::parse(words)});
}

/// Of a token where the grants are those of one, else of a user.
inline psm::Rights rights(const reference::Grants& grants)
{
    const bool mixed =
        grants.admin || grants.resources.empty() == grants.scopes.empty();
    return mixed ? psm::rights_of(user(grants))
                 : psm::rights_of(token(reference::Wanted{.grants = grants}));
}

inline psm::Rights rights(const std::string& words)
{
    return rights(reference::parse(words));
}

inline psm::Authority authority(const reference::Maker& maker)
{
    psm::Authority authority{.bounds = {}, .until = maker.until};
    for (const reference::Grants& bound : maker.bounds) {
        authority.bounds.push_back(rights(bound));
    }
    return authority;
}

inline psm::Authority authority(const std::vector<std::string>& bounds)
{
    reference::Maker maker;
    for (const std::string& words : bounds) {
        maker.bounds.push_back(reference::parse(words));
    }
    return authority(maker);
}

inline reference::Grants grants_of(const psm::TokenRecord& record)
{
    reference::Grants grants;
    grants.scopes = record.scopes;
    grants.channels = record.channels;
    for (const auto& [path, level] : record.resources) {
        grants.resources[path] = static_cast<int>(level);
    }
    return grants;
}

/// "resources main, expires_at".
inline std::string words_of(const std::vector<psm::Excess>& found)
{
    std::string words;
    for (const psm::Excess& excess : found) {
        words += words.empty() ? "" : ", ";
        words += excess.field;
        words += excess.value.empty() ? "" : " " + excess.value;
    }
    return words;
}

} // namespace samples
