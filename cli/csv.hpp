// SPDX-License-Identifier: BSD-2-Clause
//
// Comma-separated values (RFC 4180), for spreadsheets. Control characters are
// escaped as on a terminal, and a cell that a spreadsheet would take for a
// formula (one that begins with = + - @) gets a ' in front.

#pragma once

#include <string>
#include <vector>

namespace psm::cli {

void print_csv(const std::vector<std::string>& cells);

} // namespace psm::cli
