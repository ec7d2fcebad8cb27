// SPDX-License-Identifier: BSD-2-Clause
//
// The URL of a request as the gate sees it: decoded, merged, without tokens.

#pragma once

#include "field_problem.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace psm {

/// Each begins and ends with a slash, the shortest first. Adds the slash at
/// the end; names what psm_token_base would refuse. None given: "/".
[[nodiscard]] std::vector<std::string>
parse_bases(const std::vector<std::string>& texts, FieldProblems& problems);

/// The path that the gate decides about, of a whole URL or a path. Masked
/// pairs `t/****` are cut out; what may be a token is a problem, because
/// arguments and bodies are no place for a URL with one.
[[nodiscard]] std::string clean_path(std::string_view url,
                                     const std::vector<std::string>& bases,
                                     FieldProblems& problems);

} // namespace psm
