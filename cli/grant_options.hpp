// SPDX-License-Identifier: BSD-2-Clause
//
// What the options of a command say a token may do, or a user hand out.

#pragma once

#include "syntax.hpp"

#include "../lib/token_draft.hpp"

#include <map>
#include <string>
#include <vector>

namespace psm::cli {

struct GrantOptions {
    std::vector<std::string> resources; // CHANNEL:LEVEL
    std::vector<std::string> scopes;
    std::vector<std::string> channels;

    [[nodiscard]] bool empty() const noexcept
    {
        return resources.empty() && scopes.empty() && channels.empty();
    }
};

/// Adds --resource, --scope and --channel.
void add_grant_options(Syntax syntax, GrantOptions& options);

/// Sets those grants of the draft that were given.
void set_grants(const GrantOptions& options, TokenDraft& draft);

/// Of the words of --resource.
[[nodiscard]] std::map<std::string, Level>
read_resources(const std::vector<std::string>& words);

} // namespace psm::cli
