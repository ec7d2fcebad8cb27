// SPDX-License-Identifier: BSD-2-Clause
//
// The JSON records of Redis, read strictly (design.md section 6): anything
// that is not exactly as written there is an error, never a smaller grant.
// Keys that are not ours are skipped, so that other systems may add some.

#pragma once

#include "identity.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

inline constexpr std::size_t max_record_size = std::size_t{64} * 1024;
inline constexpr std::size_t max_resources = 256;
inline constexpr int record_version = 1;

/// Times are unix seconds, at most this (year 9999).
inline constexpr std::int64_t max_time = 253402300799;

struct TokenRecord {
    std::string id;
    std::int64_t rev = 1;
    std::string name;
    std::string owner;
    TokenKind kind = TokenKind::resource;

    std::map<std::string, Level> resources; // resource tokens only

    std::vector<std::string> scopes;   // scope tokens only; may be unknown
    std::vector<std::string> channels; // scope tokens only; empty: everywhere

    std::int64_t created = 0;
    std::int64_t expires = never_expires;
    std::string description;
    std::string created_by;
    bool disabled = false;
    std::optional<std::int64_t> deleted; // a tombstone since
    std::string superseded_by; // an old string that overlaps: by that token
    std::string supersedes;    // the other way round
};

/// Fills `out` from JSON; returns what is wrong, in words that hold nothing
/// of the input, or nullopt. `out` is unspecified after an error. A record
/// needs v, id, name, owner, type and the grants of its type.
[[nodiscard]] std::optional<std::string>
decode_token_record(std::string_view json, TokenRecord& out);

/// The JSON of a record, keys in the order of design.md section 6; parts that
/// have their default are left out.
[[nodiscard]] std::string encode_token_record(const TokenRecord& record);

/// The same, in the place of `before`, a valid record: members that are not
/// ours stay as they are.
[[nodiscard]] std::string update_token_record(std::string_view before,
                                              const TokenRecord& record);

/// The members of a record that are ours, in their order.
[[nodiscard]] std::span<const std::string_view> token_record_keys() noexcept;

/// Who may read a channel without a grant.
enum class Privacy : std::uint8_t { open, authenticated, closed };

/// "public", "authenticated", "private".
[[nodiscard]] std::string_view privacy_name(Privacy privacy) noexcept;
[[nodiscard]] std::optional<Privacy>
find_privacy(std::string_view name) noexcept;

/// Reads {"v":1,"privacy":"public"}; returns what is wrong, or nullopt.
[[nodiscard]] std::optional<std::string>
decode_channel_record(std::string_view json, Privacy& out);

[[nodiscard]] std::string encode_channel_record(Privacy privacy);

} // namespace psm
