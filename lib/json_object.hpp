// SPDX-License-Identifier: BSD-2-Clause
//
// JSON objects that come out of Redis and go into others: as a tree. Whoever
// must know of repeated keys uses json_reader.hpp.

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace psm {

/// null when `text` is not one JSON object, or nested deeper than 8: what
/// prints a tree recurses.
[[nodiscard]] nlohmann::ordered_json parse_object(std::string_view text);

} // namespace psm
