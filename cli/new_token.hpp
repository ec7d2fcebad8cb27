// SPDX-License-Identifier: BSD-2-Clause
//
// A string that was just made, shown this once.

#pragma once

#include "snippets.hpp"

#include "../lib/record.hpp"

#include <string_view>

namespace psm::cli {

void print_new_token(std::string_view token);

/// What clients need of it, ready to paste.
void print_ready(const Site& site, std::string_view token,
                 const TokenRecord& record);

} // namespace psm::cli
