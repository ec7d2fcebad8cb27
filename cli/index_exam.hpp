// SPDX-License-Identifier: BSD-2-Clause
//
// The indexes, from the side of their entries: those of tokens that are not
// there, or belong to somebody else. That a token is in all it should be in
// is judged from its record.

#pragma once

#include "faults.hpp"
#include "store_reader.hpp"

#include "../lib/store.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace psm::cli {

class IndexExam {
public:
    using Names = StoreReader::Names;

    /// `step`: called behind every batch.
    IndexExam(Store& store, StoreReader& reader, Faults& faults,
              std::function<void()> step)
        : store_(store), reader_(reader), faults_(faults),
          step_(std::move(step))
    {
    }

    void examine_owner(const std::string& owner);
    void examine_maker(const std::string& maker);
    /// Of all tokens, of expiries, of deletions.
    void examine_common();

    /// psm:u.
    void examine_uses();

    /// Channels and users, and the lists of them.
    void examine_channels(const Names& paths);
    void examine_users(const Names& names);
    void examine_lists();

private:
    using Belongs = std::function<bool(const TokenRecord&)>;
    struct Listing;

    static const Listing& channels() noexcept;
    static const Listing& users() noexcept;

    void examine(const std::string& index, const Belongs& belongs);
    void judge(const std::string& index, const Belongs& belongs,
               const Names& members, bool last);
    void examine_listed(const Listing& listing, const Names& names);
    void examine_list(const Listing& listing);

    Store& store_;
    StoreReader& reader_;
    Faults& faults_;
    std::function<void()> step_;
};

} // namespace psm::cli
