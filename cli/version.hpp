// SPDX-License-Identifier: BSD-2-Clause
//
// The version of the project; CHANGELOG.md says what changed in it.

#pragma once

namespace psm::cli {

inline constexpr const char* version = "0.1.0";

} // namespace psm::cli
