// SPDX-License-Identifier: BSD-2-Clause
//
// What Redis has said, for as long as a worker may believe it: records of
// tokens and channels, and that there is none. What is there and what is not
// are kept apart, because made-up names must not push out real tokens.
//
// Two limits: the configuration's, from when Redis was asked, and, where
// changes are told, the lease of the invalidation stream, behind which an
// entry may be stale.

#pragma once

#include "ngx.hpp"

#include "../lib/cache.hpp"
#include "../lib/record_key.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace psm::edge {

struct MainConf;

/// By Subject, for the metrics.
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

    /// Kind::waiting when nothing is known for sure. Neither allocates nor
    /// locks.
    [[nodiscard]] Answer find(Subject subject, std::string_view name) noexcept;

    /// A record that was believed until the lease ended, for as long behind
    /// that as `stale` says; else Kind::unavailable. For those whom Redis
    /// gave no answer.
    [[nodiscard]] Answer find_stale(Subject subject,
                                    std::string_view name) noexcept;

    /// Keeps what Redis was asked at `asked_at`; Kind::unavailable is not
    /// kept. May throw, and then an older answer may be gone.
    void remember(Subject subject, std::string_view name, const Answer& answer,
                  Tick asked_at);

    /// The same where it may not be kept: whatever says otherwise goes.
    void heed(Subject subject, std::string_view name,
              const Answer& answer) noexcept;

    /// The record changed, or came to be.
    void forget(Subject subject, std::string_view name) noexcept;
    void forget_all() noexcept;

    /// All that is kept holds until then, and no longer.
    void believe_until(Tick until) noexcept { believed_until_ = until; }

    /// For its size.
    [[nodiscard]] const Cache& cache(CacheKind kind) const noexcept;

private:
    RecordCache(const MainConf& conf, std::uint64_t seed);

    const MainConf& conf_;
    Tick believed_until_; // for ever where changes are not told
    Cache tokens_;
    Cache no_tokens_;
    Cache channels_;
    Cache no_channels_;
};

} // namespace psm::edge
