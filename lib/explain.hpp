// SPDX-License-Identifier: BSD-2-Clause
//
// The gate's own decide(), asked about a request that nobody made: what is
// assumed, what was decided, and what it would take. The command line prints
// it, the API answers with it.
//
//     ExplainCase asked;
//     FieldProblems problems = read_case(words, asked);
//     Explanation explained{.asked = asked, ...what was looked up...};
//     explained.decide();

#pragma once

#include "field_problem.hpp"
#include "policy.hpp"
#include "token_filter.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

/// The request, and the configuration of the gate, as users write them.
struct ExplainWords {
    std::string method{};
    std::string url{};
    std::vector<std::string> bases{};
    std::string privacy{}; // of channels without a record; "": private
    std::string require = "auto";
    std::string channel{}; // "": from the path
    bool scope_levels = false;
};

struct ExplainCase {
    ExplainWords words{};             // the method in upper case
    std::vector<std::string> bases{}; // as the gate has them
    std::string path{};               // the URL without host and tokens
    Privacy otherwise = Privacy::closed;

    /// It has views of this object.
    [[nodiscard]] Question question() const;
};

[[nodiscard]] FieldProblems read_case(ExplainWords words, ExplainCase& out);

/// A case with all that was looked up for it.
struct Explanation {
    ExplainCase asked{};
    Standing standing = Standing::anonymous;
    std::optional<StoredToken> token{}; // of Standing::known
    bool any_format = false;            // taken as psm_token_format any would

    ChannelPrivacy privacy = ChannelPrivacy::closed;
    std::string privacy_source{};
    std::int64_t now = 0;

    // What decide() found, without views.
    Reason reason = Reason::store_unavailable;
    Level held = Level::none;
    std::string grant{};               // of a resource token; "": none matched
    std::vector<std::string> scopes{}; // those that made the difference

    void decide();

    [[nodiscard]] bool allow() const noexcept
    {
        return info(reason).status == 200;
    }
};

/// Where the privacy of the channel does not matter.
inline constexpr std::string_view no_privacy_source = "does not matter here";

/// "public" and so on, "cannot be read".
[[nodiscard]] std::string privacy_text(ChannelPrivacy privacy);

/// "main:read", "artifact:download, artifact:view", "none".
[[nodiscard]] std::string describe_match(const Explanation& explained);

/// "a resource token with write on main, or a scope token with ...".
[[nodiscard]] std::string describe_demand(const ExplainCase& asked);

[[nodiscard]] nlohmann::ordered_json explain_json(const Explanation& explained);

} // namespace psm
