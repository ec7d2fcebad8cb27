// SPDX-License-Identifier: BSD-2-Clause

#include "explain.hpp"

#include "clock_text.hpp"
#include "quote.hpp"
#include "request_url.hpp"
#include "text.hpp"
#include "token.hpp"
#include "token_json.hpp"
#include "token_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm {

namespace {

using nlohmann::ordered_json;

std::vector<std::string> scope_names(ScopeSet set)
{
    std::vector<std::string> names;
    for (Scope scope = 0; scope < scope_count; scope++) {
        if (set.has(scope)) {
            names.emplace_back(scopes[scope].name);
        }
    }
    return names;
}

std::string join(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

ordered_json text_json(std::string_view text)
{
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json match_json(const Explanation& explained)
{
    if (!explained.grant.empty()) {
        return {{"channel", explained.grant},
                {"permission", level_name(explained.held)}};
    }
    return explained.scopes.empty()
               ? ordered_json(nullptr)
               : ordered_json{{"scopes", explained.scopes}};
}

ordered_json assumed_json(const Explanation& explained)
{
    constexpr std::string_view kinds[] = {"unknown", "index", "file"};
    const ExplainCase& asked = explained.asked;
    const Target target = asked.question().target;
    return {{"method", asked.words.method},
            {"path", asked.path},
            {"channel", text_json(target.channel)},
            {"kind", kinds[static_cast<std::size_t>(target.kind)]},
            {"base", asked.bases},
            {"require", asked.words.require},
            {"scope_levels", asked.words.scope_levels},
            {"privacy", explained.privacy == ChannelPrivacy::unavailable
                            ? ordered_json(nullptr)
                            : ordered_json(privacy_text(explained.privacy))},
            {"privacy_source", text_json(explained.privacy_source)},
            {"format", explained.any_format ? "any" : "psm"},
            {"time", format_time(explained.now)}};
}

bool is_method(std::string_view text)
{
    constexpr std::size_t max_length = 32;
    return !text.empty() && text.size() <= max_length &&
           std::ranges::all_of(text,
                               [](char c) { return is_alpha(c) || c == '-'; });
}

} // namespace

Question ExplainCase::question() const
{
    const std::vector<std::string_view> views(bases.begin(), bases.end());
    return {.method = find_method(words.method),
            .target = words.channel.empty()
                          ? find_target(path, views)
                          : find_target_on(words.channel, path, views),
            .requirement = parse_requirement(words.require),
            .scope_levels = words.scope_levels};
}

FieldProblems read_case(ExplainWords words, ExplainCase& out)
{
    FieldProblems problems;
    out.bases = parse_bases(words.bases, problems);
    out.path = clean_path(words.url, out.bases, problems);
    if (holds_own_token(out.path)) {
        problems.push_back({"url", "holds a token: leave it out"});
    }
    std::ranges::transform(words.method, words.method.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    if (!is_method(words.method)) {
        problems.push_back({"method", in_quotes(words.method) +
                                          " is none: write GET, PUT, DELETE "
                                          "or another one"});
    }
    if (parse_requirement(words.require).kind == Requirement::Kind::unknown) {
        problems.push_back({"require", in_quotes(words.require) +
                                           " is unknown: use auto, read, "
                                           "write, manage or a scope"});
    }
    const auto otherwise =
        find_privacy(words.privacy.empty() ? "private" : words.privacy);
    if (!otherwise) {
        problems.push_back({"privacy", in_quotes(words.privacy) +
                                           " is none: use public, "
                                           "authenticated or private"});
    }
    if (!words.channel.empty()) {
        if (auto problem = channel_problem(words.channel)) {
            problems.push_back({"channel", std::move(*problem)});
        }
    }
    out.otherwise = otherwise.value_or(Privacy::closed);
    out.words = std::move(words);
    return problems;
}

void Explanation::decide()
{
    const Question question = asked.question();
    const std::string packed =
        standing == Standing::known ? pack(token->record) : "";
    const Holder holder{.standing = standing, .identity = Identity(packed)};
    const Decision decision = psm::decide(question, holder, privacy, now);
    reason = decision.reason;
    held = decision.held;
    grant = decision.grant;
    scopes.clear();
    if (reason == Reason::granted && grant.empty()) {
        scopes = scope_names(ScopeSet(holder.identity.scopes().bits() &
                                      demand_of(question).any_of.bits()));
    }
}

std::string privacy_text(ChannelPrivacy privacy)
{
    if (privacy == ChannelPrivacy::unavailable) {
        return "cannot be read";
    }
    return std::string(privacy_name(static_cast<Privacy>(privacy)));
}

std::string describe_match(const Explanation& explained)
{
    if (!explained.grant.empty()) {
        return explained.grant + ":" + std::string(level_name(explained.held));
    }
    return explained.scopes.empty() ? "none" : join(explained.scopes);
}

std::string describe_demand(const ExplainCase& asked)
{
    const Question question = asked.question();
    const Demand demand = demand_of(question);
    if (demand.any_of.empty()) {
        return "nothing helps: no right covers this method and path";
    }
    const std::string channel(question.target.channel);
    std::string by_scopes =
        "a scope token with one of " + join(scope_names(demand.any_of));
    if (demand.level == Level::none) {
        return by_scopes;
    }
    const std::string place = channel.empty() ? "a channel" : channel;
    return "a resource token with " + std::string(level_name(demand.level)) +
           " on " + place + ", or " + by_scopes +
           (channel.empty() ? "" : " that reaches " + channel);
}

ordered_json explain_json(const Explanation& explained)
{
    const ReasonInfo& reason = info(explained.reason);
    const Demand demand = demand_of(explained.asked.question());
    return {{"allowed", explained.allow()},
            {"reason", reason.code},
            {"status", reason.status},
            {"title", reason.title},
            {"help", reason.help},
            {"assumed", assumed_json(explained)},
            {"matched", match_json(explained)},
            {"needed",
             {{"permission", demand.level == Level::none
                                 ? ordered_json(nullptr)
                                 : ordered_json(level_name(demand.level))},
              {"scopes", scope_names(demand.any_of)}}},
            {"token", explained.standing == Standing::known
                          ? token_json(*explained.token)
                          : ordered_json(nullptr)}};
}

} // namespace psm
