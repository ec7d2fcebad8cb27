// SPDX-License-Identifier: BSD-2-Clause
//
// A bounded LRU map from bytes to bytes: what a worker remembers of Redis.
//
// Each entry is one heap block that holds links, key and value. The time is
// passed in, in milliseconds of a clock that never steps back; an entry is
// found while `now` is before the time it was put with. Not for two threads.
// find() neither allocates nor frees.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace psm {

/// Milliseconds of a monotonic clock.
using Tick = std::uint64_t;

class Cache {
public:
    /// What the keys are. Digests (of 8 bytes or more) are as good as random,
    /// so that a part of them tells them apart; names are whatever people
    /// send.
    enum class Keys : std::uint8_t { names, digests };

    /// At most `max_entries` (>= 1). `seed` makes the hash unpredictable to
    /// those who choose the keys.
    Cache(std::size_t max_entries, std::uint64_t seed, Keys keys = Keys::names);
    ~Cache();
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;

    /// The value of `key`, which becomes the most recently used. The view
    /// holds until the next call that is not const.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view key,
                                                       Tick now) noexcept
    {
        return find(key, hash(key), now);
    }

    /// The same for one who asks several caches of the same seed and keys,
    /// and has the hash already.
    [[nodiscard]] std::optional<std::string_view>
    find(std::string_view key, std::uint64_t hash, Tick now) noexcept;

    [[nodiscard]] std::uint64_t hash(std::string_view key) const noexcept;

    /// Stores a copy, replacing an older one; evicts the least recently used
    /// when full. May throw std::bad_alloc, and then nothing is stored.
    void put(std::string_view key, std::string_view value, Tick until);

    /// True when there was such an entry.
    bool erase(std::string_view key) noexcept;
    void clear() noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Heap bytes of entries and table, the allocator's own share apart.
    [[nodiscard]] std::size_t bytes() const noexcept;

    /// Entries dropped because the cache was full.
    [[nodiscard]] std::uint64_t evictions() const noexcept
    {
        return evictions_;
    }

private:
    struct Entry;

    [[nodiscard]] static Entry* make(std::string_view key,
                                     std::string_view value);
    static void release(Entry* entry) noexcept;

    [[nodiscard]] Entry** slot_of(std::string_view key,
                                  std::uint64_t hash) noexcept;
    void unlink(Entry* entry) noexcept;
    void push_front(Entry* entry) noexcept;
    void remove(Entry** slot) noexcept;
    void grow();

    std::vector<Entry*> table_; // chains; a power of two
    Entry* newest_ = nullptr;
    Entry* oldest_ = nullptr;
    Keys keys_;
    std::size_t max_entries_;
    std::size_t size_ = 0;
    std::size_t entry_bytes_ = 0;
    std::uint64_t evictions_ = 0;
    std::uint64_t start_; // \ both from the seed
    std::uint64_t fold_;  // /
};

} // namespace psm
