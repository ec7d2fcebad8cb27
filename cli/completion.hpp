// SPDX-License-Identifier: BSD-2-Clause
//
// Completion scripts for shells, made from the usage of the program. They
// hold all they know, so that a Tab runs nothing and asks no Redis: names of
// tokens and channels are not completed.

#pragma once

#include <string>

namespace psm::cli {

struct CommandUsage;

[[nodiscard]] std::string bash_completion(const CommandUsage& program);
[[nodiscard]] std::string zsh_completion(const CommandUsage& program);
[[nodiscard]] std::string fish_completion(const CommandUsage& program);

} // namespace psm::cli
