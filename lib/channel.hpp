// SPDX-License-Identifier: BSD-2-Clause
//
// The names of channels: "main", or "main/dev" for a subchannel. Names are
// compared byte for byte and by whole segments; "main" never covers "main2".

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace psm {

inline constexpr std::size_t max_channel_segments = 8;
inline constexpr std::size_t max_segment_length = 64;
inline constexpr std::size_t max_channel_length =
    max_channel_segments * (max_segment_length + 1) - 1;

/// What a segment means in a path when it is no name.
enum class Word : std::uint8_t {
    none,
    t,        // a token follows
    section,  // `simple`, `jupyter`
    platform, // conda's closed list, `noarch` among them
};

[[nodiscard]] Word find_word(std::string_view segment) noexcept;

/// The closed list of conda's platforms, "noarch" among them.
[[nodiscard]] bool is_platform(std::string_view segment) noexcept;

/// [A-Za-z0-9][A-Za-z0-9._-]{0,63}.
[[nodiscard]] bool has_name_grammar(std::string_view segment) noexcept;

/// A name by its grammar, and no Word.
[[nodiscard]] bool is_channel_segment(std::string_view segment) noexcept;

/// 1 to 8 channel segments joined by single slashes.
[[nodiscard]] bool is_channel_path(std::string_view path) noexcept;

/// Whether a grant on `grant` reaches `path`: the same channel or one below.
[[nodiscard]] bool covers(std::string_view grant,
                          std::string_view path) noexcept;

/// "a/b" of "a/b/c"; empty for a channel that has no parent.
[[nodiscard]] std::string_view parent_channel(std::string_view path) noexcept;

} // namespace psm
