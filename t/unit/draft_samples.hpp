// SPDX-License-Identifier: BSD-2-Clause
//
// What the tests of drafts share: a body is read, and its problems are one
// text, "FIELD: WHY" lines.

#pragma once

#include "check.hpp"

#include "token_draft.hpp"

#include <string>
#include <string_view>

namespace samples {

inline constexpr std::int64_t now = 1790000000; // 2026-09-21T14:13:20Z

/// A token of ours, which no message may show.
inline constexpr std::string_view secret =
    "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF";

inline std::string lines_of(const psm::FieldProblems& problems)
{
    std::string text;
    for (const psm::FieldProblem& problem : problems) {
        text += problem.field + ": " + problem.why + "\n";
    }
    return text;
}

inline std::string fields_of(const psm::FieldProblems& problems)
{
    std::string text;
    for (const psm::FieldProblem& problem : problems) {
        text += (text.empty() ? "" : " ") +
                (problem.field.empty() ? "body" : problem.field);
    }
    return text;
}

struct Refused {
    std::string json;
    std::string_view fields; // in their order, "body" for all of it
    std::string_view words;  // that are in the reasons
};

inline void check_refused(const Refused& c, psm::DraftKind kind)
{
    psm::TokenDraft draft;
    const auto problems = psm::read_draft(c.json, kind, now, draft);
    const std::string lines = lines_of(problems);
    check_same(c.json, fields_of(problems), c.fields);
    check_that(c.json + " gives " + lines,
               lines.find(c.words) != std::string::npos);
    check_that(c.json, draft.empty());
}

inline psm::TokenDraft read_good(const std::string& json, psm::DraftKind kind)
{
    psm::TokenDraft draft;
    check_same(json, lines_of(psm::read_draft(json, kind, now, draft)), "");
    return draft;
}

} // namespace samples
