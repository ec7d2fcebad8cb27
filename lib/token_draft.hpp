// SPDX-License-Identifier: BSD-2-Clause
//
// What somebody wants a token to be: the members of a POST or PUT, the options
// of a command, a line of an import. What is not set is left as it is, or
// takes its default.

#pragma once

#include "field_problem.hpp"
#include "record.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

struct TokenDraft {
    std::optional<std::string> name{};
    std::optional<std::string> owner{}; // not of an edit
    std::optional<std::string> description{};
    std::optional<std::int64_t> expires{}; // unix seconds, or never_expires
    std::optional<std::map<std::string, Level>> resources{};
    std::optional<std::vector<std::string>> scopes{};
    std::optional<std::vector<std::string>> channels{}; // empty: everywhere

    // Of an edit.
    bool reissue = false;
    std::optional<std::int64_t> overlap{}; // seconds

    [[nodiscard]] bool empty() const noexcept;
};

enum class DraftKind : std::uint8_t { create, edit };

/// Reads the body of a request, as strictly as the API promises: every unknown
/// or repeated member, wrong type, text that breaks a limit, unknown or
/// repeated scope or channel is named. No problems: `out` holds it. Times are
/// RFC 3339 or dates; `"expires_at":null` is never. Clients of PSM that send
/// both kinds of grants with one of them empty (or null) are understood.
[[nodiscard]] FieldProblems read_draft(std::string_view json, DraftKind kind,
                                       TokenDraft& out);

/// What is wrong with a draft whatever it came from: texts, grants, their
/// number, a time in the past.
[[nodiscard]] FieldProblems check_draft(const TokenDraft& draft,
                                        std::int64_t now);

/// The record that a draft makes, from nothing (create) or of `before`. The
/// kind of a token cannot change. `out` has the same id, rev + 1, and what the
/// draft does not name. Grants and their reach are replaced as a whole.
[[nodiscard]] FieldProblems apply_draft(const TokenDraft& draft,
                                        const TokenRecord& before,
                                        TokenRecord& out);

/// A random UUID (RFC 9562 section 5.4). Throws std::runtime_error when the
/// generator fails.
[[nodiscard]] std::string make_token_id();

} // namespace psm
