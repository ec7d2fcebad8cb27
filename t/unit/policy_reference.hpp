// SPDX-License-Identifier: BSD-2-Clause
//
// The decision once more, written from design.md section 3 with words and
// lists, slow and plain, so that the exhaustive test compares two readings of
// the contract and not one with itself. It calls nothing of lib.

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reference {

using Word = std::string_view;
using Words = std::vector<Word>;

/// The product page: every scope and its level.
inline const std::vector<std::pair<Word, Word>>& page()
{
    static const std::vector<std::pair<Word, Word>> rows{
        {"artifact:create", "write"},
        {"artifact:delete", "manage"},
        {"artifact:download", "read"},
        {"artifact:edit", "manage"},
        {"artifact:view", "read"},
        {"channel:create", "write"},
        {"channel:delete", "manage"},
        {"channel:edit", "manage"},
        {"channel:history", "manage"},
        {"channel:view", "read"},
        {"channel:view-artifacts", "read"},
        {"channel.default-channel:edit", "manage"},
        {"channel.group:edit", "manage"},
        {"channel.group:view", "read"},
        {"channel.mirror:edit", "manage"},
        {"channel.mirror:view", "manage"},
        {"subchannel:create", "manage"},
        {"subchannel:delete", "manage"},
        {"subchannel:edit", "manage"},
        {"subchannel:history", "manage"},
        {"subchannel:view", "read"},
        {"subchannel:view-artifacts", "read"},
        {"subchannel.group:edit", "manage"},
        {"subchannel.group:view", "read"},
        {"subchannel.mirror:edit", "manage"},
        {"subchannel.mirror:view", "manage"},
        {"mirror:view", "manage"},
        {"system.license:edit", "manage"},
        {"system.license:view", "manage"},
        {"cve:edit", "manage"},
        {"cve:view", "read"},
        {"role:edit", "manage"},
        {"role:view", "read"},
        {"system.settings:edit", "manage"},
        {"system:delete-blobs", "manage"},
        {"user.token:edit", "manage"},
        {"user.token:view", "manage"},
    };
    return rows;
}

inline int rank(Word level)
{
    return level == "read"     ? 1
           : level == "write"  ? 2
           : level == "manage" ? 3
                               : 0;
}

/// The level of a scope; empty for what is none.
inline Word level_of_scope(Word scope)
{
    for (const auto& [name, level] : page()) {
        if (name == scope) {
            return level;
        }
    }
    return "";
}

inline Word category(Word scope)
{
    return scope.substr(0, scope.find(':'));
}

inline bool is_bound_to_channel(Word scope)
{
    if (scope == "channel:create" || scope == "channel.default-channel:edit") {
        return false;
    }
    return category(scope) == "artifact" || scope.starts_with("channel") ||
           scope.starts_with("subchannel");
}

struct Ask {
    Word method = "GET";
    Word kind = "unknown"; // or index, or file
    Word channel{};
    Word require = "auto";
    bool scope_levels = false;
};

/// type: "" (no token), "resource" or "scope".
struct Who {
    Word type{};
    std::vector<std::pair<Word, Word>> resources{};
    Words scopes{};
    Words channels{}; // none: everywhere
    bool disabled = false;
    std::int64_t expires = INT64_MAX;
};

struct Answer {
    Word code{};
    Word held = "none";
    Word grant{};
};

inline bool is_at_or_below(Word path, Word channel)
{
    return path == channel || path.starts_with(std::string(channel) + "/");
}

inline bool reaches(const Who& who, Word channel)
{
    if (channel.empty()) {
        return false;
    }
    return who.channels.empty() ||
           std::ranges::any_of(who.channels, [channel](Word reach) {
               return is_at_or_below(channel, reach);
           });
}

inline bool has_action(const Who& who, Word wanted, bool scope_levels)
{
    return std::ranges::any_of(who.scopes, [=](Word held) {
        return held == wanted ||
               (scope_levels && category(held) == category(wanted) &&
                rank(level_of_scope(held)) >= rank(level_of_scope(wanted)));
    });
}

inline bool has_floor(const Who& who, int level, bool scope_levels)
{
    return std::ranges::any_of(who.scopes, [=](Word held) {
        const Word of = category(held);
        const int own = rank(level_of_scope(held));
        return held != "channel:create" &&
               (of == "artifact" || of == "channel" || of == "subchannel") &&
               (own == level || (scope_levels && own > level));
    });
}

inline int rank_of_method(Word method)
{
    if (method == "GET" || method == "HEAD") {
        return 1;
    }
    if (method == "POST" || method == "PUT") {
        return 2;
    }
    return method == "PATCH" || method == "DELETE" ? 3 : 0;
}

/// Whether the scopes of the token fit the request, wherever it goes.
inline bool scopes_fit(const Ask& ask, const Who& who)
{
    const auto has = [&](Word scope) {
        return has_action(who, scope, ask.scope_levels);
    };
    if (rank(ask.require) > 0) {
        return has_floor(
            who, std::max(rank(ask.require), rank_of_method(ask.method)),
            ask.scope_levels);
    }
    if (ask.require != "auto") {
        return has(ask.require);
    }
    if (ask.method == "POST" || ask.method == "PUT") {
        return has("artifact:create");
    }
    if (ask.method == "PATCH") {
        return has("artifact:edit");
    }
    if (ask.method == "DELETE") {
        return has("artifact:delete");
    }
    if (ask.kind == "file") {
        return has("artifact:download");
    }
    const bool in_subchannel = ask.channel.find('/') != Word::npos;
    return has("artifact:download") ||
           has(in_subchannel ? "subchannel:view-artifacts"
                             : "channel:view-artifacts");
}

/// The level that a resource token needs; 0: no level will do.
inline int needed_level(const Ask& ask)
{
    if (ask.require == "auto" || rank(ask.require) > 0) {
        return std::max(rank(ask.require), rank_of_method(ask.method));
    }
    return is_bound_to_channel(ask.require) ? rank(level_of_scope(ask.require))
                                            : 0;
}

inline bool maps_to_nothing(const Ask& ask)
{
    if (!level_of_scope(ask.require).empty()) {
        return false;
    }
    const bool judged_by_method =
        ask.require == "auto" || rank(ask.require) > 0;
    return !judged_by_method || rank_of_method(ask.method) == 0 ||
           ask.kind == "unknown" || ask.channel.empty();
}

inline Answer held_by(const Ask& ask, const Who& who)
{
    Answer answer;
    for (const auto& [path, level] : who.resources) {
        if (is_at_or_below(ask.channel, path) &&
            path.size() > answer.grant.size()) {
            answer.grant = path;
            answer.held = level;
        }
    }
    for (const Word scope : who.scopes) {
        if (reaches(who, ask.channel) && is_bound_to_channel(scope) &&
            rank(level_of_scope(scope)) > rank(answer.held)) {
            answer.held = level_of_scope(scope);
        }
    }
    return answer;
}

inline Word code_of(const Ask& ask, const Who& who, const Answer& holds,
                    Word privacy, std::int64_t now)
{
    const bool public_read = (ask.require == "auto" || ask.require == "read") &&
                             (ask.method == "GET" || ask.method == "HEAD") &&
                             ask.kind != "unknown" && !ask.channel.empty();
    if (who.type.empty()) {
        if (public_read && privacy == "unavailable") {
            return "store_unavailable";
        }
        return public_read && privacy == "public" ? "public" : "token_missing";
    }
    if (who.disabled) {
        return "token_disabled";
    }
    if (now >= who.expires) {
        return "token_expired";
    }
    if (maps_to_nothing(ask)) {
        return "action_unknown";
    }
    const bool account_wide = !level_of_scope(ask.require).empty() &&
                              !is_bound_to_channel(ask.require);
    const bool by_scope = who.type == "scope";
    const bool covered = account_wide || (by_scope ? reaches(who, ask.channel)
                                                   : !holds.grant.empty());
    const bool fits = by_scope ? scopes_fit(ask, who)
                               : needed_level(ask) > 0 &&
                                     rank(holds.held) >= needed_level(ask);
    if (covered && fits) {
        return "granted";
    }
    if (public_read && privacy == "unavailable") {
        return "store_unavailable";
    }
    if (public_read && privacy == "public") {
        return "public";
    }
    if (public_read && privacy == "authenticated" && by_scope && fits) {
        return "granted";
    }
    if (!covered) {
        return "channel_not_granted";
    }
    return by_scope || account_wide ? "scope_missing" : "level_too_low";
}

inline Answer decide(const Ask& ask, const Who& who, Word privacy,
                     std::int64_t now)
{
    Answer answer = held_by(ask, who);
    answer.code = code_of(ask, who, answer, privacy, now);
    return answer;
}

} // namespace reference
