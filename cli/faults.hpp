// SPDX-License-Identifier: BSD-2-Clause
//
// What is inconsistent in the store: counted by kind, the first of each kept
// as examples, and mended one by one where that is wanted. A mending is a
// change that does nothing when what it was worked out from is so no more.

#pragma once

#include "finding.hpp"

#include "../lib/audit.hpp"
#include "../lib/transaction.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {
class Store;
}

namespace psm::cli {

enum class FaultKind : std::uint8_t {
    wrong_type,      // a key is not what it should be: the gate answers 503
    bad_record,      // of a token
    no_id,           // a token that nobody can find by its id
    shared_id,       // the id belongs to another token, too
    dangling_id,     // leads to no record, or to that of another token
    missing_entry,   // of an index
    wrong_entry,     // of an index
    old_entry,       // of an index, of a token that has run out
    bad_channel,     // its record
    missing_channel, // in the list of channels
    old_channel,     // in the list, without a record
    bad_user,
    missing_user,
    old_user,
    old_use, // a last use of a token that has run out
    strange_key,
};

inline constexpr std::size_t fault_kinds = 16;

class Faults {
public:
    /// `repair`: whether to mend; `before_saying` runs before a line is
    /// printed.
    Faults(Store& store, bool repair, std::function<void()> before_saying);

    /// `subject`: which token, channel, ... `what`: what is wrong, and `done`
    /// what the mending does; nullopt: that is for people.
    void add(FaultKind kind, const std::string& subject,
             const std::string& what);
    void add(FaultKind kind, const std::string& subject,
             const std::string& what, Transaction mending,
             const std::string& done);

    [[nodiscard]] std::uint64_t mended() const noexcept;

    /// One audit entry for all that was mended.
    void write_audit(const Actor& actor);

    void report(Findings& findings) const;

private:
    struct Count {
        std::uint64_t found = 0;
        std::uint64_t mended = 0;
        std::vector<std::string> examples{};
    };

    Count& count(FaultKind kind, const std::string& subject,
                 const std::string& what);

    Store& store_;
    bool repair_;
    std::function<void()> before_saying_;
    std::array<Count, fault_kinds> counts_;
};

} // namespace psm::cli
