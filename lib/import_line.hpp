// SPDX-License-Identifier: BSD-2-Clause
//
// A line of `psm-token import` and `export`: a token in the JSON shape of the
// API, and what stands beside it there.
//
//     token          its string, also of another issuer; never exported
//     digest         64 hexadecimal digits, SHA-256 of the string
//     last_used_at
//     supersedes, superseded_by, deleted_at
//     reissued       a tombstone that a re-issue left: the id is another's
//     other          an object: members of the record that are not ours
//
// A line names a string by token or digest, or one is made for it.

#pragma once

#include "field_problem.hpp"
#include "record.hpp"
#include "token.hpp"
#include "token_filter.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

/// What a line leaves open.
struct ImportRules {
    TokenFormat format = TokenFormat::psm; // of `token`
    std::string owner;
    std::string maker;
    std::int64_t expires = never_expires;
    std::int64_t now = 0;
    std::uint64_t line = 0; // its number
};

struct ImportLine {
    std::string token{};  // "": not given; wiped by the caller
    std::string digest{}; // likewise, unless given
    TokenRecord record{};
    std::optional<std::int64_t> last_used{};
    bool reissued = false;
    std::string other{};             // JSON of an object; "": none
    std::set<std::string> members{}; // those that the line has
};

/// As strict as the API; `out` is unspecified when there are problems. What is
/// wrong with a token holds nothing of it.
[[nodiscard]] FieldProblems read_import_line(std::string_view json,
                                             const ImportRules& rules,
                                             ImportLine& out);

/// The record as it is to be stored.
[[nodiscard]] std::string encode_import(const ImportLine& line);

/// The members of a line in which what is stored differs, last use apart.
[[nodiscard]] std::vector<std::string> differences(const ImportLine& line,
                                                   const StoredToken& stored);

/// The line of a token, without its end.
[[nodiscard]] std::string export_line(const StoredToken& token, bool reissued);

} // namespace psm
