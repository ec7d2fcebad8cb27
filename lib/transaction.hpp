// SPDX-License-Identifier: BSD-2-Clause
//
// A change of the store: what must still be so, and what is written then, all
// at once or not at all. It is carried out by one Lua script, the same for
// every change, so that there is one thing to understand; the keys are
// declared and the time is an argument, so that it does the same on a replica.
//
//     Transaction change;
//     change.expect(key, bytes_as_read);
//     change.set(key, bytes, until);
//
// Writes are made in the order in which they are given: the record comes
// first. A guard is stricter than `rev`: it holds for records whose `rev`
// cannot be read, too.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace psm {

/// Its reply is 1, or 0 when a guard did not hold: nothing was written.
[[nodiscard]] std::string_view transaction_script() noexcept;

/// What a change was decided by beside the record that it changes: keys with
/// what they held, "" for nothing. So a token that is revoked while it makes
/// another one has either made it before or does not make it.
using Premises = std::map<std::string, std::string>;

class Transaction {
public:
    /// The key holds exactly this; nothing, for "".
    void expect(std::string_view key, std::string_view value);
    void expect(const Premises& premises);

    /// Kept until then (unix seconds), or for good.
    void set(std::string_view key, std::string_view value,
             std::optional<std::int64_t> until);
    void remove(std::string_view key);

    /// What is there is written again, so that a replica which confirms that
    /// has all that came before.
    void touch(std::string_view key, std::string_view value);

    // Members of sorted sets.
    void index(std::string_view key, std::string_view member,
               std::int64_t score);
    void unindex(std::string_view key, std::string_view member);
    /// All up to this score.
    void prune(std::string_view key, std::int64_t score);

    // Fields of a hash.
    void set_field(std::string_view key, std::string_view field,
                   std::string_view value);
    void drop_field(std::string_view key, std::string_view field);

    // Members of sets.
    void include(std::string_view key, std::string_view member);
    void exclude(std::string_view key, std::string_view member);

    /// An entry of a stream, which keeps about the last `length`.
    void append(std::string_view key, std::int64_t length,
                const std::vector<std::pair<std::string, std::string>>& entry);

    /// The numkeys, keys and arguments of EVAL or EVALSHA.
    [[nodiscard]] std::vector<std::string> words() const;

private:
    std::string place(std::string_view key);
    void write(std::string_view command, std::string_view key,
               const std::vector<std::string>& words);
    void demand(std::string_view key, std::string_view type);

    std::vector<std::string> keys_;
    std::unordered_map<std::string, std::string> places_; // of keys among KEYS
    std::vector<std::string> guards_;                     // key, value
    std::vector<std::string> types_;                      // key, type
    std::vector<std::string> writes_; // count, command, key, words
};

} // namespace psm
