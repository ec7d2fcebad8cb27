// SPDX-License-Identifier: BSD-2-Clause
//
// explain: the gate's own decide(), asked about a request that nobody made.

#include "command.hpp"
#include "inputs.hpp"
#include "lookup.hpp"
#include "output.hpp"
#include "request_url.hpp"
#include "usage.hpp"

#include "../lib/channel.hpp"
#include "../lib/clock_text.hpp"
#include "../lib/store.hpp"
#include "../lib/text.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

struct ExplainOptions {
    std::string token;
    std::string method;
    std::string url;
    std::vector<std::string> bases;
    std::string privacy;
    std::string require = "auto";
    std::string channel;
    bool scope_levels = false;
};

/// Everything that the answer rests on; question.target is a view of path
/// and options.
struct Case {
    std::vector<std::string> bases;
    std::string method;
    std::string path;
    Question question;
    ChannelPrivacy privacy = ChannelPrivacy::closed;
    std::string privacy_source;
    Credentials credentials;
    std::int64_t now = 0;
};

std::string privacy_text(ChannelPrivacy privacy)
{
    if (privacy == ChannelPrivacy::unavailable) {
        return "cannot be read";
    }
    return std::string(privacy_name(static_cast<Privacy>(privacy)));
}

std::string_view kind_text(TargetKind kind)
{
    switch (kind) {
    case TargetKind::index:
        return "an index";
    case TargetKind::file:
        return "a file";
    case TargetKind::unknown:
        break;
    }
    return "no channel";
}

void set_target(const ExplainOptions& options, Case& asked)
{
    const std::vector<std::string_view> bases(asked.bases.begin(),
                                              asked.bases.end());
    if (options.channel.empty()) {
        asked.question.target = find_target(asked.path, bases);
    } else {
        check_channel(options.channel);
        asked.question.target =
            find_target_on(options.channel, asked.path, bases);
    }
}

void set_privacy(const ExplainOptions& options, Environment& environment,
                 Case& asked)
{
    const std::string text =
        options.privacy.empty() ? "private" : options.privacy;
    const auto otherwise = find_privacy(text);
    if (!otherwise) {
        refuse("--privacy \"" + escape(text) +
               "\" is none: use public, authenticated or private");
    }
    if (!is_public_read(asked.question)) {
        asked.privacy = static_cast<ChannelPrivacy>(*otherwise);
        asked.privacy_source = "does not matter here";
        return;
    }
    const auto found = run_now(environment.store().find_privacy(
        std::string(asked.question.target.channel), *otherwise));
    asked.privacy = found.privacy ? static_cast<ChannelPrivacy>(*found.privacy)
                                  : ChannelPrivacy::unavailable;
    asked.privacy_source = !found.channel.empty() ? "record of " + found.channel
                           : options.privacy.empty() ? "default"
                                                     : "--privacy";
}

void set_question(const ExplainOptions& options, Case& asked)
{
    asked.bases = parse_bases(options.bases);
    asked.path = clean_path(options.url, asked.bases);
    asked.method = options.method;
    std::ranges::transform(asked.method, asked.method.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    asked.question.method = find_method(asked.method);
    asked.question.requirement = parse_requirement(options.require);
    asked.question.scope_levels = options.scope_levels;
    if (asked.question.requirement.kind == Requirement::Kind::unknown) {
        refuse("--require \"" + escape(options.require) +
               "\" is unknown: use auto, read, write, manage or a scope "
               "(`psm-token scopes`)");
    }
    set_target(options, asked);
}

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

std::string join(const std::vector<std::string>& words, const char* between)
{
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : between) + word;
    }
    return text;
}

/// The scopes of the token that made the difference.
std::vector<std::string> matched_scopes(const Case& asked,
                                        const Decision& decision)
{
    if (decision.reason != Reason::granted || !decision.grant.empty()) {
        return {};
    }
    const ScopeSet held = asked.credentials.holder().identity.scopes();
    return scope_names(
        ScopeSet(held.bits() & demand_of(asked.question).any_of.bits()));
}

std::string describe_match(const Case& asked, const Decision& decision)
{
    if (!decision.grant.empty()) {
        return std::string(decision.grant) + ":" +
               std::string(level_name(decision.held));
    }
    const auto names = matched_scopes(asked, decision);
    return names.empty() ? "none" : join(names, ", ");
}

std::string describe_demand(const Case& asked)
{
    const Demand demand = demand_of(asked.question);
    if (demand.any_of.empty()) {
        return "nothing helps: no right covers this method and path";
    }
    const std::string channel(asked.question.target.channel);
    std::string by_scopes =
        "a scope token with one of " + join(scope_names(demand.any_of), ", ");
    if (demand.level == Level::none) {
        return by_scopes;
    }
    const std::string place = channel.empty() ? "a channel" : channel;
    return "a resource token with " + std::string(level_name(demand.level)) +
           " on " + place + ", or " + by_scopes +
           (channel.empty() ? "" : " that reaches " + channel);
}

void print_text(const ExplainOptions& options, const Case& asked,
                const Decision& decision)
{
    const ReasonInfo& reason = info(decision.reason);
    const Target& target = asked.question.target;
    const bool unsure = decision.reason == Reason::store_unavailable;
    print((unsure             ? "cannot tell: "
           : decision.allow() ? "allowed: "
                              : "denied: ") +
          std::string(reason.code) + " (" + std::to_string(reason.status) +
          ")\n" + std::string(reason.title) + "." +
          (decision.allow() ? "" : " " + std::string(reason.help)) +
          "\n\nassumed\n");
    print(line("  method", asked.method) + line("  path", asked.path) +
          line("  channel",
               (target.channel.empty() ? "none" : std::string(target.channel)) +
                   (options.channel.empty() ? "" : " (--channel)") + ", " +
                   std::string(kind_text(target.kind))) +
          line("  base", join(asked.bases, " ")) +
          line("  require", options.require) +
          line("  scope levels", options.scope_levels ? "on" : "off") +
          line("  privacy", privacy_text(asked.privacy) + " (" +
                                asked.privacy_source + ")") +
          line("  time", format_time(asked.now)));
    if (asked.credentials.any_format) {
        print(line("  format", "any (psm_token_format any)"));
    }
    print("\n" + line("matched", describe_match(asked, decision)) +
          line("needed", describe_demand(asked)));
    if (asked.credentials.standing == Standing::known) {
        print("\ntoken\n" +
              describe_token(*asked.credentials.stored, asked.now));
    } else {
        print(line("token", describe_standing(asked.credentials)));
    }
}

ordered_json match_json(const Case& asked, const Decision& decision)
{
    if (!decision.grant.empty()) {
        return {{"channel", decision.grant},
                {"permission", level_name(decision.held)}};
    }
    const auto names = matched_scopes(asked, decision);
    return names.empty() ? ordered_json(nullptr)
                         : ordered_json{{"scopes", names}};
}

ordered_json assumed_json(const ExplainOptions& options, const Case& asked)
{
    const Target& target = asked.question.target;
    constexpr std::string_view kinds[] = {"unknown", "index", "file"};
    const auto known = [](std::string_view text) {
        return text.empty() ? ordered_json(nullptr) : ordered_json(text);
    };
    return {{"method", asked.method},
            {"path", asked.path},
            {"channel", known(target.channel)},
            {"kind", kinds[static_cast<std::size_t>(target.kind)]},
            {"base", asked.bases},
            {"require", options.require},
            {"scope_levels", options.scope_levels},
            {"privacy", asked.privacy == ChannelPrivacy::unavailable
                            ? ordered_json(nullptr)
                            : ordered_json(privacy_text(asked.privacy))},
            {"privacy_source", asked.privacy_source},
            {"format", asked.credentials.any_format ? "any" : "psm"},
            {"time", format_time(asked.now)}};
}

ordered_json explain_json(const ExplainOptions& options, const Case& asked,
                          const Decision& decision)
{
    const ReasonInfo& reason = info(decision.reason);
    const Demand demand = demand_of(asked.question);
    return {{"allowed", decision.allow()},
            {"reason", reason.code},
            {"status", reason.status},
            {"title", reason.title},
            {"help", reason.help},
            {"assumed", assumed_json(options, asked)},
            {"matched", match_json(asked, decision)},
            {"needed",
             {{"permission", demand.level == Level::none
                                 ? ordered_json(nullptr)
                                 : ordered_json(level_name(demand.level))},
              {"scopes", scope_names(demand.any_of)}}},
            {"token", asked.credentials.standing == Standing::known
                          ? token_json(*asked.credentials.stored)
                          : ordered_json(nullptr)}};
}

int explain(const ExplainOptions& options, Environment& environment)
{
    Case asked;
    asked.now = environment.now;
    set_question(options, asked);
    asked.credentials = look_up(options.token, environment);
    wipe(asked.credentials.token);
    set_privacy(options, environment, asked);

    const Decision decision = decide(asked.question, asked.credentials.holder(),
                                     asked.privacy, asked.now);
    if (environment.json) {
        print_json(explain_json(options, asked, decision));
    } else {
        print_text(options, asked, decision);
    }
    if (decision.reason == Reason::store_unavailable) {
        return cannot_tell;
    }
    return decision.allow() ? yes : no;
}

} // namespace

Action define_explain(CLI::App& app)
{
    auto options = std::make_shared<ExplainOptions>();
    app.add_option("ID", options->token,
                   "ID of the token; `-` reads the token from standard input "
                   "(an empty line: no token)")
        ->required();
    app.add_option("METHOD", options->method, "As in GET")
        ->type_name("GET|HEAD|POST|PUT|PATCH|DELETE")
        ->required();
    app.add_option("URL", options->url, "A whole URL or its path")->required();
    app.add_option("--base", options->bases,
                   "As psm_token_base; may be repeated")
        ->allow_extra_args(false);
    app.add_option("--privacy", options->privacy,
                   "As psm_token_privacy, for channels without a record")
        ->type_name(privacy_words());
    app.add_option("--require", options->require, "As psm_token_require")
        ->type_name("auto|" + level_words() + "|" + std::string(takes_scope))
        ->capture_default_str();
    app.add_option("--channel", options->channel, "As psm_token_channel");
    app.add_flag("--scope-levels", options->scope_levels,
                 "As psm_token_scope_levels on");
    return [options](Environment& environment) {
        return explain(*options, environment);
    };
}

} // namespace psm::cli
