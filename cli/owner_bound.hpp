// SPDX-License-Identifier: BSD-2-Clause
//
// What the records of users let their tokens have (`psm-token user set`). It
// binds who makes tokens at a terminal as it binds the callers of the API.

#pragma once

#include "../lib/field_problem.hpp"
#include "../lib/store.hpp"

#include <map>
#include <optional>
#include <string>

namespace psm::cli {

/// Reads the record of an owner once; the store must outlive it.
class OwnerBound {
public:
    explicit OwnerBound(Store& store) : store_(store) {}

    /// In what `wanted` goes beyond its owner's record. With `before`, what
    /// was there may stay.
    [[nodiscard]] FieldProblems problems(const TokenRecord& wanted,
                                         const TokenRecord* before = nullptr);

    /// The same, as a Failure that names them and the remedy.
    void check(const TokenRecord& wanted, const TokenRecord* before = nullptr);

    /// What this was decided by.
    [[nodiscard]] Premises premises() const;

private:
    const std::optional<StoredUser>& find(const std::string& owner);

    Store& store_;
    std::map<std::string, std::optional<StoredUser>> owners_;
};

} // namespace psm::cli
