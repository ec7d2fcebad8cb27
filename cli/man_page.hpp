// SPDX-License-Identifier: BSD-2-Clause
//
// psm-token(1), made from the usage of the program.

#pragma once

#include <string>

namespace psm::cli {

struct CommandUsage;

/// In the man macros of roff.
[[nodiscard]] std::string man_page(const CommandUsage& program);

} // namespace psm::cli
