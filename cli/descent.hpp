// SPDX-License-Identifier: BSD-2-Clause
//
// Which tokens are whose, and come from whom.

#pragma once

#include "../lib/store.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace psm::cli {

class Progress;

/// Of an owner; old strings behind those that took their place and take them
/// along.
[[nodiscard]] std::vector<std::string>
find_owned(Store& store, const std::string& owner, Progress& progress);

/// Made by a token or by a user, who also makes what his tokens make; by what
/// these made, and so on: nearest first, each once. What a deleted token or an
/// old string made counts as long as its tombstone is kept, 30 days.
[[nodiscard]] std::vector<std::string>
find_descent(Store& store, const std::string& maker, Progress& progress);

/// How many tokens that still work it made itself, under any of its ids; of
/// more than max_page about so many.
[[nodiscard]] std::size_t count_made(Store& store,
                                     const std::vector<std::string>& maker_ids,
                                     std::int64_t now);

} // namespace psm::cli
