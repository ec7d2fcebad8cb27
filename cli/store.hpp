// SPDX-License-Identifier: BSD-2-Clause
//
// The records in Redis (design.md section 6), read and changed. Every change
// is one Lua script that touches record, indexes and audit at once, the record
// first, and that does nothing when the record is not the one it was worked
// out from.

#pragma once

#include "redis_client.hpp"
#include "replication.hpp"

#include "../lib/policy.hpp"
#include "../lib/record.hpp"
#include "../lib/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// Who changes something, and when.
struct Change {
    std::string who;
    std::int64_t now = 0;
};

class Store {
public:
    explicit Store(const RedisAddress& address);

    /// False when the digest or the id is taken.
    [[nodiscard]] bool create(const TokenRecord& record,
                              std::string_view digest, const Change& change);

    [[nodiscard]] std::optional<StoredToken> find_id(std::string_view id);
    [[nodiscard]] std::optional<StoredToken>
    find_digest(std::string_view digest);

    /// By creation, oldest first; of one owner, or of all for "".
    [[nodiscard]] std::vector<StoredToken> list(std::string_view owner);

    enum class Removal : std::uint8_t { done, done_before, unknown };

    /// Turns the record into a tombstone. One that is a tombstone already is
    /// written again, so that replicated() counts for it.
    Removal remove(std::string_view id, const Change& change);

    void set_privacy(std::string_view channel, Privacy privacy,
                     const Change& change);
    [[nodiscard]] std::vector<StoredChannel> channels();

    /// Whether the changes made by this Store are on a replica too.
    [[nodiscard]] Replication replicated();

    /// The most specific record on the path of `channel` decides.
    struct FoundPrivacy {
        ChannelPrivacy privacy = ChannelPrivacy::unavailable;
        std::string channel; // whose record it is; empty: none has one
    };

    [[nodiscard]] FoundPrivacy find_privacy(std::string_view channel,
                                            Privacy otherwise);

private:
    [[nodiscard]] std::string key(std::string_view kind,
                                  std::string_view name) const;
    [[nodiscard]] std::vector<RedisValue>
    get_all(std::string_view kind, const std::vector<std::string>& names);
    RedisValue run_script(std::string_view script,
                          const std::vector<std::string>& keys,
                          const std::vector<std::string>& arguments);
    bool remove_once(const StoredToken& token, std::string_view id,
                     const Change& change);
    void write_again(const StoredToken& token);
    void add_last_used(std::vector<StoredToken>& tokens);

    std::string prefix_;
    std::unique_ptr<RedisClient> redis_;
};

} // namespace psm::cli
