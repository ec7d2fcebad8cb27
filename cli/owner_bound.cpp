// SPDX-License-Identifier: BSD-2-Clause

#include "owner_bound.hpp"

#include "command.hpp"

#include "../lib/authority.hpp"

namespace psm::cli {

const std::optional<StoredUser>& OwnerBound::find(const std::string& owner)
{
    const auto known = owners_.find(owner);
    if (known != owners_.end()) {
        return known->second;
    }
    return owners_.emplace(owner, run_now(store_.find_user(owner)))
        .first->second;
}

FieldProblems OwnerBound::problems(const TokenRecord& wanted,
                                   const TokenRecord* before)
{
    const std::optional<StoredUser>& owner = find(wanted.owner);
    if (!owner || wanted.deleted) {
        return {};
    }
    if (owner->problem) {
        return {{.field = "owner",
                 .why = wanted.owner +
                        " has a record that is not valid: " + *owner->problem}};
    }
    const Authority rights{.bounds = {rights_of(owner->record)}};
    return problems_of(before == nullptr ? excess(rights, wanted)
                                         : excess(rights, *before, wanted));
}

void OwnerBound::check(const TokenRecord& wanted, const TokenRecord* before)
{
    std::string text;
    for (const FieldProblem& problem : problems(wanted, before)) {
        text += "\n           " + problem.field + " " + problem.why;
    }
    if (!text.empty()) {
        throw Failure(no, "a token of " + wanted.owner +
                              " may not have that:" + text +
                              "\n           ask for less, or change the user "
                              "first with `psm-token user set " +
                              wanted.owner + "`");
    }
}

Premises OwnerBound::premises() const
{
    Premises premises;
    for (const auto& [name, user] : owners_) {
        premises[store_.key("user:", name)] = user ? user->json : "";
    }
    return premises;
}

} // namespace psm::cli
