// SPDX-License-Identifier: BSD-2-Clause
//
// The commands that make a client use a token, ready to paste.

#pragma once

#include "syntax.hpp"

#include "../lib/record.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// Stands for a channel that is not known.
inline constexpr std::string_view channel_placeholder = "CHANNEL";

/// Where the channels are served.
struct Site {
    std::string scheme = "https";
    std::string host = "HOST"; // with its port
    std::string base;          // "" or "/api/repo"
    bool known = false;        // else HOST is a placeholder
};

/// The values of --url and --base.
struct SiteOptions {
    std::string url;
    std::string base;
};

/// Adds --url (or PSM_URL) and --base.
void add_site_options(Syntax syntax, SiteOptions& options);

[[nodiscard]] Site parse_site(const SiteOptions& options);

struct Snippet {
    std::string client;
    std::string command;
};

/// The conda URL has the token first in its path, the one place that every
/// conda client recognises and hides (clients.md section 2).
[[nodiscard]] std::vector<Snippet>
make_snippets(const Site& site, std::string_view token,
              const std::vector<std::string>& channels);

/// The channels a token is for; a placeholder where it is for all.
[[nodiscard]] std::vector<std::string> channels_of(const TokenRecord& record);

void print_snippets(const Site& site, const std::vector<Snippet>& snippets);

} // namespace psm::cli
