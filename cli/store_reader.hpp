// SPDX-License-Identifier: BSD-2-Clause
//
// What the doctor reads of the store, in batches. A key of another type than
// it should have is a fault; what is in it counts as not there.

#pragma once

#include "doctor_redis.hpp"
#include "faults.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// Keys in one command: few enough that Redis answers it quickly.
inline constexpr std::size_t exam_batch = 500;

class StoreReader {
public:
    using Names = std::vector<std::string>;

    StoreReader(const Patient& patient, Faults& faults)
        : patient_(patient), faults_(faults)
    {
    }

    [[nodiscard]] std::string key(std::string_view name) const
    {
        return patient_.key(name);
    }

    /// The strings of "<kind><name>"; "" where there is none.
    [[nodiscard]] Names get_all(std::string_view kind, const Names& names);

    /// The same of keys that a SCAN found: there must be strings.
    [[nodiscard]] Names get_scanned(std::string_view kind, const Names& names);

    /// The scores that members of a sorted set have.
    [[nodiscard]] std::vector<std::optional<std::int64_t>>
    scores(const std::string& key, const Names& members);

    /// Which are members of a set.
    [[nodiscard]] std::vector<bool> are_members(const std::string& key,
                                                const Names& members);

    /// Calls `each` with batches of the members of a sorted set or a set, or
    /// of the fields of a hash (ZSCAN, SSCAN, HSCAN).
    void scan(std::string_view command, const std::string& key,
              const std::function<void(const Names&)>& each);

    /// A reply that is not an error; an empty one in its place.
    [[nodiscard]] RedisValue ask(const Names& words);

private:
    const Patient& patient_;
    Faults& faults_;
    std::set<std::string> wrong_; // keys that were told
};

} // namespace psm::cli
