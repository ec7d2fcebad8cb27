// SPDX-License-Identifier: BSD-2-Clause

#include "channel.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>

namespace psm {

namespace {

/// Sorted, for the binary search. Platforms stand in nearly every URL, so
/// the test is on the hot path.
constexpr std::array<std::string_view, 20> platforms{
    "emscripten-wasm32",
    "freebsd-64",
    "linux-32",
    "linux-64",
    "linux-aarch64",
    "linux-armv6l",
    "linux-armv7l",
    "linux-ppc64",
    "linux-ppc64le",
    "linux-riscv32",
    "linux-riscv64",
    "linux-s390x",
    "noarch",
    "osx-64",
    "osx-arm64",
    "wasi-wasm32",
    "win-32",
    "win-64",
    "win-arm64",
    "zos-z",
};
static_assert(std::ranges::is_sorted(platforms));

constexpr std::size_t shortest_platform = 5;
constexpr std::size_t longest_platform = 17;

constexpr bool is_segment_char(char c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

} // namespace

bool is_platform(std::string_view segment) noexcept
{
    return segment.size() >= shortest_platform &&
           segment.size() <= longest_platform &&
           std::ranges::binary_search(platforms, segment);
}

bool is_channel_segment(std::string_view segment) noexcept
{
    if (segment.empty() || segment.size() > max_segment_length ||
        !is_alnum(segment.front())) {
        return false;
    }
    if (!std::ranges::all_of(segment, is_segment_char)) {
        return false;
    }
    return segment != "t" && segment != "simple" && segment != "jupyter" &&
           !is_platform(segment);
}

bool is_channel_path(std::string_view path) noexcept
{
    if (path.size() > max_channel_length) {
        return false;
    }
    for (std::size_t count = 1; count <= max_channel_segments; count++) {
        const std::size_t slash = path.find('/');
        if (!is_channel_segment(path.substr(0, slash))) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
    return false;
}

bool covers(std::string_view grant, std::string_view path) noexcept
{
    return !grant.empty() && path.starts_with(grant) &&
           (path.size() == grant.size() || path[grant.size()] == '/');
}

std::string_view parent_channel(std::string_view path) noexcept
{
    const std::size_t slash = path.rfind('/');
    return path.substr(0, slash == std::string_view::npos ? 0 : slash);
}

} // namespace psm
