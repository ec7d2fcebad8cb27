// SPDX-License-Identifier: BSD-2-Clause
//
// Before many tokens go at once: a question on a terminal, --yes elsewhere.

#pragma once

#include <string>

namespace psm::cli {

/// `what`: "12 tokens of alice". `given`: --yes. Ends with 1 when the answer
/// is no, with 2 when there is nobody to ask.
void ask_for_deletion(const std::string& what, bool given);

} // namespace psm::cli
