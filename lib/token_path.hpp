// SPDX-License-Identifier: BSD-2-Clause
//
// Finding the `t/<TOKEN>` pairs of a decoded, dot-free URI and writing the
// URI without them, or with them masked.
//
// conda moves a token to the front of the path unless channel_alias covers
// the host, so `/t/T/api/repo/main` and `/api/repo/t/T/main` must be the
// same resource (clients.md section 2). Pairs are looked for at the start and
// behind each base, and directly behind one another.
//
// Nothing here allocates. A PathTokens holds offsets into the URI it was
// made from.

#pragma once

#include "carrier.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace psm {

/// A run of pairs: `len` bytes from `at` on, "/t/A" or "/t/A/t/B". It starts
/// at the slash before the `t` and ends before the slash that follows.
struct PathCut {
    std::size_t at = 0;
    std::size_t len = 0;
};

inline constexpr std::size_t max_bases = 7;

/// What stands for a token in a masked URI.
inline constexpr std::string_view masked_pair = "/t/****";

struct PathTokens {
    /// One run at the start and one behind each base.
    std::array<PathCut, max_bases + 1> cuts{};
    std::size_t count = 0;

    /// The text of the first token, as offsets into the URI.
    std::size_t token_at = 0;
    std::size_t token_len = 0;

    /// Nothing follows the last pair: there is no such resource (404).
    bool nothing_behind = false;

    /// An empty segment stands before the end of the last pair, which only
    /// merge_slashes off lets through: refused (400).
    bool empty_segment = false;

    [[nodiscard]] std::size_t clean_length(std::string_view uri) const noexcept;
    [[nodiscard]] std::size_t
    masked_length(std::string_view uri) const noexcept;
};

/// Finds the pairs of `uri`. `bases` each begin and end with a slash and are
/// sorted by length, shortest first; at most max_bases. Every token text is
/// added to `claim` as a Carrier::path credential: malformed when the set
/// `enabled` lacks the path, because what stands there is hidden all the
/// same. An empty token (`/t/` at the end, `/t//x`) is malformed.
[[nodiscard]] PathTokens
find_path_tokens(std::string_view uri, std::span<const std::string_view> bases,
                 CarrierSet enabled, TokenFormat format, Claim& claim) noexcept;

/// Writes the URI without its pairs, at least "/"; returns its length.
/// `out` holds clean_length(uri) characters and may be `uri` itself.
std::size_t write_clean(std::string_view uri, const PathTokens& tokens,
                        char* out) noexcept;

/// Writes the URI with each run of pairs as masked_pair; `out` holds
/// masked_length(uri) characters and is not `uri`.
std::size_t write_masked(std::string_view uri, const PathTokens& tokens,
                         char* out) noexcept;

} // namespace psm
