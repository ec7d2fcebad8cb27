// SPDX-License-Identifier: BSD-2-Clause
//
// A user's tokens, cut to what his record lets him hand out: first those of
// which nothing is left are deleted, then the others are narrowed. The record
// is read anew for every page, so that a later one counts at once. Whatever
// ends it in between, it may be run again, and only goes on.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace psm::cli {

class Environment;

struct CutTokens {
    std::vector<std::string> revoked;
    std::vector<std::string> narrowed;
    std::vector<std::string> damaged; // cannot be read: the gate refuses them
    std::uint64_t within = 0;         // what is left
};

/// Throws Interrupted at Ctrl-C.
[[nodiscard]] CutTokens cut_tokens(Environment& environment,
                                   const std::string& user);

} // namespace psm::cli
