// SPDX-License-Identifier: BSD-2-Clause
//
// What the audit keeps of a request that was refused.

#pragma once

#include "api_call.hpp"
#include "api_problem.hpp"

#include <string_view>

namespace psm {

/// Whether it is a denial: a token that is none, or no right to do it. That
/// nobody said who he is, is none: every page begins so.
[[nodiscard]] bool is_denial(const ApiProblem& problem, bool token_came);

/// Tells the audit, unless it was told of another one this second. `route` is
/// the pattern, since a path may hold anything. The refusal stands whether or
/// not it can be noted.
Task<void> note_denial(ApiCall* call, std::string_view route,
                       const ApiProblem* problem, DenialNotes* notes);

} // namespace psm
