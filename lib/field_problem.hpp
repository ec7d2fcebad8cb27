// SPDX-License-Identifier: BSD-2-Clause
//
// What is wrong with one thing that somebody asked for, in words that the
// command line and the API put behind its name.

#pragma once

#include <string>
#include <vector>

namespace psm {

struct FieldProblem {
    // As in the JSON: "name", "resources[1].permission". Empty for all of it:
    // then the words follow "the body", "the line" and the like.
    std::string field;
    std::string why; // "is empty: say what the token is for"
};

using FieldProblems = std::vector<FieldProblem>;

} // namespace psm
