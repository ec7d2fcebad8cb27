// SPDX-License-Identifier: BSD-2-Clause
//
// The first pass of an import: every line is read, judged, and looked up in
// the store and among the lines before it. Good ones that are not there yet
// are spooled.

#pragma once

#include "import_spool.hpp"
#include "owner_bound.hpp"

#include "../lib/import_line.hpp"
#include "../lib/store.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace psm::cli {

struct ImportCounts {
    std::uint64_t lines = 0; // without blank ones
    std::uint64_t bad = 0;
    std::uint64_t there = 0; // imported before, and still the same
    std::uint64_t fresh = 0;
    std::uint64_t unnamed = 0;   // fresh ones for which a string is to be made
    std::uint64_t ownerless = 0; // fresh ones that get the default
    std::uint64_t endless = 0;   // likewise, of the expiry
};

/// A line that is bad, and why: "name", "is missing".
using BadLine =
    std::function<void(std::uint64_t number, const FieldProblem& problem)>;

class ImportCheck {
public:
    ImportCheck(Store& store, ImportRules rules, ImportSpool& spool,
                BadLine bad);

    /// A line of the file.
    void add(std::uint64_t number, std::string_view text);

    /// Behind the last: the lines that stand there twice.
    void finish();

    [[nodiscard]] const ImportCounts& counts() const noexcept
    {
        return counts_;
    }

    /// Those of the spool that were found bad behind it.
    [[nodiscard]] const std::set<std::uint64_t>& dropped() const noexcept
    {
        return dropped_;
    }

private:
    struct Candidate {
        std::uint64_t number = 0;
        ImportLine line{};
    };

    /// Of an id or a digest: 128 bits of its SHA-256.
    struct Mark {
        std::array<std::uint64_t, 2> bits{};
        std::uint64_t number = 0;
    };

    static Mark mark_of(const std::string& text, std::uint64_t number);
    static bool is_before(const Mark& a, const Mark& b) noexcept;

    void look_up();
    void settle(Candidate& candidate, const std::string& leads_to,
                const std::string& by_digest, const std::string& by_id);
    void settle_fresh(const Candidate& candidate, const std::string& leads_to);
    void refuse(std::uint64_t number, const FieldProblem& problem);
    void mark(const Candidate& candidate);
    void find_twice(std::vector<Mark>& marks, const char* field);
    std::vector<std::string> get_all(std::string_view kind,
                                     const std::vector<std::string>& names);

    Store& store_;
    OwnerBound bound_;
    ImportRules rules_;
    ImportSpool& spool_;
    BadLine bad_;
    ImportCounts counts_;
    std::vector<Candidate> candidates_;
    std::vector<Mark> ids_;
    std::vector<Mark> digests_;
    std::set<std::uint64_t> dropped_;
};

} // namespace psm::cli
