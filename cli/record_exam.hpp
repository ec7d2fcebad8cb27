// SPDX-License-Identifier: BSD-2-Clause
//
// The records of tokens, and whether their ids and index entries say the same.
// Others may change them meanwhile: what looks wrong is read again, and counts
// when it still does.

#pragma once

#include "faults.hpp"
#include "store_reader.hpp"

#include "../lib/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace psm::cli {

class RecordExam {
public:
    using Names = StoreReader::Names;

    RecordExam(Store& store, StoreReader& reader, Faults& faults,
               std::int64_t now)
        : store_(store), reader_(reader), faults_(faults), now_(now)
    {
    }

    /// Of records, hexadecimal.
    void examine(const Names& digests);
    void examine_ids(const Names& ids);

    [[nodiscard]] std::uint64_t tokens() const noexcept { return tokens_; }

    [[nodiscard]] std::uint64_t tombstones() const noexcept
    {
        return tombstones_;
    }

private:
    using Scores = std::map<std::string, std::optional<std::int64_t>>;

    /// A record, and what is said about it elsewhere.
    struct Exhibit {
        std::string digest;
        std::string json;
        TokenRecord record{};
        std::optional<std::string> problem{};
        std::string leads_to{}; // of its id
        Scores scores{};        // by index
    };

    std::vector<Exhibit> read(const Names& digests);
    void read_scores(std::vector<Exhibit>& exhibits);
    [[nodiscard]] Scores wanted(const Exhibit& exhibit) const;
    [[nodiscard]] bool is_sound(const Exhibit& exhibit) const;
    void judge(const Exhibit& exhibit);
    void judge_id(const Exhibit& exhibit);
    void judge_entries(const Exhibit& exhibit);
    [[nodiscard]] Names dangling(const Names& ids, bool last);

    Store& store_;
    StoreReader& reader_;
    Faults& faults_;
    std::int64_t now_;
    std::uint64_t tokens_ = 0;
    std::uint64_t tombstones_ = 0;
};

} // namespace psm::cli
