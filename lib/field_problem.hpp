// SPDX-License-Identifier: BSD-2-Clause
//
// What is wrong with one thing that somebody asked for, in words that the
// command line and the API put behind its name.

#pragma once

#include <string>
#include <vector>

namespace psm {

struct FieldProblem {
    std::string field; // as in the JSON: "name", "resources[1].permission"
    std::string why;   // "is empty: say what the token is for"
};

using FieldProblems = std::vector<FieldProblem>;

} // namespace psm
