// SPDX-License-Identifier: BSD-2-Clause
//
// A channel looked at through the gate as its clients do: every file that one
// asks for, wherever a token may stand, and what each client makes of it.

#pragma once

#include "finding.hpp"

#include <string>

namespace psm::cli {

struct ProbeSite {
    std::string origin;   // "https://host:port"
    std::string base;     // "" or "/api/repo"
    std::string channel;  // "main/dev"
    std::string platform; // "linux-64", beside noarch
    std::string ca;       // "": the system's
};

/// `url` is the channel's address and begins with `base`; what is wrong is
/// refused.
[[nodiscard]] ProbeSite parse_channel_url(const std::string& url,
                                          const std::string& base);

/// `token` is wiped by the caller.
void probe(const ProbeSite& site, const std::string& token, Findings& findings);

} // namespace psm::cli
