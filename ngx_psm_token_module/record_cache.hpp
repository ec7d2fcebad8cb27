// SPDX-License-Identifier: BSD-2-Clause
//
// What Redis has said, for as long as the configuration lets a worker believe
// it: records of tokens and channels, and that there is none. What is there
// and what is not are kept apart, because made-up names must not push out real
// tokens.

#pragma once

#include "ngx.hpp"

#include "../lib/cache.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace psm::edge {

struct MainConf;

/// Whose record: a token's by its digest (32 bytes), a channel's by its path.
enum class Subject : std::uint8_t { token, channel };
inline constexpr std::array<std::string_view, 2> subject_names{"token",
                                                               "channel"};

/// The caches there are.
enum class CacheKind : std::uint8_t {
    tokens,
    no_tokens,
    channels,
    no_channels
};
inline constexpr std::array<std::string_view, 4> cache_kind_names{
    "tokens", "no_tokens", "channels", "no_channels"};

struct Answer {
    enum class Kind : std::uint8_t {
        waiting,     // not yet
        found,       // `value`: a packed identity, or one Privacy byte
        absent,      // Redis said nil
        invalid,     // there is a record, and it breaks the rules
        unavailable, // Redis did not say
    };

    Kind kind = Kind::unavailable;
    std::string_view value; // valid until the event loop goes on
};

class RecordCache {
public:
    explicit RecordCache(const MainConf& conf);

    /// Kind::waiting when nothing is known. Neither allocates nor locks.
    [[nodiscard]] Answer find(Subject subject, std::string_view name) noexcept;

    /// Keeps what Redis was asked at `asked_at`; Kind::unavailable is not
    /// kept. May throw, and then an older answer may be gone.
    void remember(Subject subject, std::string_view name, const Answer& answer,
                  ngx_msec_t asked_at);

    /// For its size.
    [[nodiscard]] const Cache& cache(CacheKind kind) const noexcept;

private:
    RecordCache(const MainConf& conf, std::uint64_t seed);

    const MainConf& conf_;
    Cache tokens_;
    Cache no_tokens_;
    Cache channels_;
    Cache no_channels_;
};

} // namespace psm::edge
