// SPDX-License-Identifier: BSD-2-Clause
//
// The URL of a request as the gate sees it: decoded, merged, without tokens.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// Each begins and ends with a slash, the shortest first. Adds the slash at
/// the end; refuses what psm_token_base would. None given: "/".
[[nodiscard]] std::vector<std::string>
parse_bases(const std::vector<std::string>& texts);

/// The path that the gate decides about, of a whole URL or a path. Masked
/// pairs `t/****` are cut out; a token is refused, because arguments are no
/// place for one.
[[nodiscard]] std::string clean_path(const std::string& url,
                                     const std::vector<std::string>& bases);

} // namespace psm::cli
