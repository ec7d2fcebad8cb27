// SPDX-License-Identifier: BSD-2-Clause
//
// What somebody wants a token to be: the members of a POST or PUT, the options
// of a command, a line of an import. What is not set is left as it is, or
// takes its default.

#pragma once

#include "field_problem.hpp"
#include "record.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

enum class DraftKind : std::uint8_t { create, edit };

/// An old string overlaps a new one at most so long.
inline constexpr std::int64_t max_overlap = std::int64_t{30} * 24 * 3600;

struct TokenDraft {
    std::optional<std::string> name{};
    std::optional<std::string> description{};
    std::optional<std::int64_t> expires{}; // unix seconds, or never_expires

    // Each replaces what there was as a whole. A token has resources or
    // scopes; channels are the reach of scopes, empty: everywhere.
    std::optional<std::map<std::string, Level>> resources{};
    std::optional<std::vector<std::string>> scopes{};
    std::optional<std::vector<std::string>> channels{};

    // Of a new token.
    std::optional<std::string> owner{};
    std::optional<std::string> service_account{}; // a channel, which owns it

    // Of one that is there.
    bool reissue = false;
    std::optional<std::int64_t> overlap{}; // seconds

    [[nodiscard]] bool empty() const noexcept;
};

/// Reads the body of a request, as strictly as the API promises: every unknown
/// or repeated member, wrong type, text that breaks a limit, unknown or
/// repeated scope or channel is named, and whatever check_draft finds. No
/// problems: `out` holds it; otherwise `out` is empty.
///
/// Times are RFC 3339 or dates; `"expires_at":null` is never. Clients of PSM
/// that send both kinds of grants with one of them empty (or null) are
/// understood. Of an edit only `{}` gives an empty draft.
[[nodiscard]] FieldProblems read_draft(std::string_view json, DraftKind kind,
                                       std::int64_t now, TokenDraft& out);

/// A line of an import has more than what a draft has.
inline constexpr std::size_t max_line_size = std::size_t{256} * 1024;

/// The same of a text that has other members, too, which somebody else reads:
/// a new token, whose expiry may have passed.
[[nodiscard]] FieldProblems read_draft_part(std::string_view json,
                                            TokenDraft& out);

/// What is wrong with a draft whatever it came from: texts, grants, their
/// number, a time in the past.
[[nodiscard]] FieldProblems check_draft(const TokenDraft& draft, DraftKind kind,
                                        std::int64_t now);

/// The record that a checked draft makes of `before`, which has grants for an
/// edit, and none for a new token: then `before` says its id, owner, maker and
/// times where the draft does not. An edit keeps the kind, counts rev, and
/// leaves what the draft does not name, the reach too.
[[nodiscard]] FieldProblems apply_draft(const TokenDraft& draft,
                                        const TokenRecord& before,
                                        TokenRecord& out);

/// "service-account-channel-main".
[[nodiscard]] std::string service_account_of(std::string_view channel);

/// A random UUID (RFC 9562 section 5.4). Throws std::runtime_error when the
/// generator fails.
[[nodiscard]] std::string make_token_id();

/// The form of one, of bits that are as good as random.
[[nodiscard]] std::string format_token_id(std::array<unsigned char, 16> bytes);

} // namespace psm
