// SPDX-License-Identifier: BSD-2-Clause
//
// Times and durations as people and JSON write them. All times are UTC and
// unix seconds; the clock itself is always passed in.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace psm {

/// RFC 3339 in UTC: "2027-01-31T00:00:00Z". `time` is 0 to max_time.
[[nodiscard]] std::string format_time(std::int64_t time);

/// The same for those who must not allocate.
inline constexpr std::size_t time_length = 20;
[[nodiscard]] std::array<char, time_length>
time_text(std::int64_t time) noexcept;

/// RFC 3339 with any offset, or a date alone: its 00:00 UTC. nullopt for
/// anything else, and outside 1970 to 9999.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

/// "90s", "15m", "12h", "30d", "2w", "1y" (365 days): seconds, at least 1.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text);

/// "12 days", "3 hours", "40 seconds": one unit, rounded down, for people.
[[nodiscard]] std::string format_duration(std::int64_t seconds);

} // namespace psm
