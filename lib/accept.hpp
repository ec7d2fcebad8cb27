// SPDX-License-Identifier: BSD-2-Clause
//
// What a client says it would rather have: the Accept header of RFC 9110
// section 12.5.1. Allocates nothing, keeps nothing.

#pragma once

#include <string_view>

namespace psm {

/// The quality (0 to 1000) that `accept`, several lines joined by commas,
/// gives to a media type in lower case without parameters: that of the range
/// which names it most exactly, the highest where several do; 0 when none
/// does. Parameters other than q do not count; a range whose q is no quality
/// is not there. An empty header accepts everything.
[[nodiscard]] int quality_of(std::string_view accept,
                             std::string_view type) noexcept;

} // namespace psm
