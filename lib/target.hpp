// SPDX-License-Identifier: BSD-2-Clause
//
// From a clean URI to what it addresses: the channel path and whether it is
// an index or a file (design.md section 3, "Channel path").

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace psm {

enum class TargetKind : std::uint8_t {
    unknown, // names no channel, or breaks the grammar
    index,   // repodata and the like, a directory
    file,    // a package, or anything else
};

struct Target {
    TargetKind kind = TargetKind::unknown;
    /// A view into the URI; empty when it names no channel.
    std::string_view channel{};
    /// Some upstream could read another path out of it: nothing is allowed.
    bool misleading = false;
};

/// `uri` is decoded, merged and free of tokens; `bases` each begin and end
/// with a slash, the longest that matches counts. A URI that still holds an
/// empty or dot segment, a control character, a backslash or a percent sign
/// is misleading: an upstream that decodes once more would see another path.
[[nodiscard]] Target
find_target(std::string_view uri,
            std::span<const std::string_view> bases) noexcept;

/// The same where the configuration names the channel (psm_token_channel):
/// `channel` in place of the path's own. Whether it is an index is told by
/// the path alone, even by one that names no channel. A `channel` that is no
/// channel path gives an unknown target; a misleading path stays one.
[[nodiscard]] Target
find_target_on(std::string_view channel, std::string_view uri,
               std::span<const std::string_view> bases) noexcept;

} // namespace psm
