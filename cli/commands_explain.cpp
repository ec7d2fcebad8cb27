// SPDX-License-Identifier: BSD-2-Clause
//
// explain: the gate's own decide(), asked about a request that nobody made.

#include "command.hpp"
#include "lookup.hpp"
#include "output.hpp"
#include "usage.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/explain.hpp"
#include "../lib/quote.hpp"
#include "../lib/store.hpp"
#include "../lib/text.hpp"

#include <nlohmann/json.hpp>

namespace psm::cli {

namespace {

struct ExplainOptions {
    std::string token;
    ExplainWords words;
};

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

ExplainCase read_options(const ExplainOptions& options)
{
    ExplainCase asked;
    const FieldProblems problems = read_case(options.words, asked);
    if (problems.empty()) {
        return asked;
    }
    const FieldProblem& first = problems.front();
    if (first.field == "url" || first.field == "method") {
        refuse("the " + std::string(first.field == "url" ? "URL" : "method") +
               " " + first.why);
    }
    refuse("--" + first.field + " " + first.why);
}

void set_privacy(Environment& environment, Explanation& explained)
{
    const ExplainCase& asked = explained.asked;
    const Question question = asked.question();
    explained.privacy = static_cast<ChannelPrivacy>(asked.otherwise);
    explained.privacy_source = no_privacy_source;
    if (!is_public_read(question)) {
        return;
    }
    const auto found = run_now(environment.store().find_privacy(
        std::string(question.target.channel), asked.otherwise));
    explained.privacy = found.privacy
                            ? static_cast<ChannelPrivacy>(*found.privacy)
                            : ChannelPrivacy::unavailable;
    explained.privacy_source = !found.channel.empty()
                                   ? "record of " + found.channel
                               : asked.words.privacy.empty() ? "default"
                                                             : "--privacy";
}

std::string join(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

void print_assumed(const Explanation& explained)
{
    const ExplainCase& asked = explained.asked;
    const Target target = asked.question().target;
    print("\n\nassumed\n" + line("  method", asked.words.method) +
          line("  path", asked.path) +
          line("  channel",
               (target.channel.empty() ? "none" : std::string(target.channel)) +
                   (asked.words.channel.empty() ? "" : " (--channel)") + ", " +
                   std::string(kind_text(target.kind))) +
          line("  base", join(asked.bases)) +
          line("  require", asked.words.require) +
          line("  scope levels", asked.words.scope_levels ? "on" : "off") +
          line("  privacy", privacy_text(explained.privacy) + " (" +
                                explained.privacy_source + ")") +
          line("  time", format_time(explained.now)));
    if (explained.any_format) {
        print(line("  format", "any (psm_token_format any)"));
    }
}

void print_text(const Explanation& explained, const Credentials& credentials)
{
    const ReasonInfo& reason = info(explained.reason);
    const bool unsure = explained.reason == Reason::store_unavailable;
    print((unsure              ? "cannot tell: "
           : explained.allow() ? "allowed: "
                               : "denied: ") +
          std::string(reason.code) + " (" + std::to_string(reason.status) +
          ")\n" + std::string(reason.title) + "." +
          (explained.allow() ? "" : " " + std::string(reason.help)));
    print_assumed(explained);
    print("\n" + line("matched", describe_match(explained)) +
          line("needed", describe_demand(explained.asked)));
    if (explained.standing == Standing::known) {
        print("\ntoken\n" + describe_token(*explained.token, explained.now));
    } else {
        print(line("token", describe_standing(credentials)));
    }
}

int explain(const ExplainOptions& options, Environment& environment)
{
    Explanation explained;
    explained.now = environment.now;
    explained.asked = read_options(options);
    Credentials credentials = look_up(options.token, environment);
    wipe(credentials.token);
    explained.standing = credentials.standing;
    explained.token = credentials.stored;
    explained.any_format = credentials.any_format;
    set_privacy(environment, explained);

    explained.decide();
    if (environment.json) {
        print_json(explain_json(explained));
    } else {
        print_text(explained, credentials);
    }
    if (explained.reason == Reason::store_unavailable) {
        return cannot_tell;
    }
    return explained.allow() ? yes : no;
}

} // namespace

Action define_explain(Syntax syntax)
{
    auto options = std::make_shared<ExplainOptions>();
    syntax
        .add("ID", options->token,
             "ID of the token; `-` reads the token from standard input "
             "(an empty line: no token)")
        .required();
    syntax.add("METHOD", options->words.method, "As in GET")
        .takes("GET|HEAD|POST|PUT|PATCH|DELETE")
        .required();
    syntax.add("URL", options->words.url, "A whole URL or its path").required();
    syntax
        .add("--base", options->words.bases,
             "As psm_token_base; may be repeated")
        .one_at_a_time();
    syntax
        .add("--privacy", options->words.privacy,
             "As psm_token_privacy, for channels without a record")
        .takes(privacy_words());
    syntax.add("--require", options->words.require, "As psm_token_require")
        .takes("auto|" + level_words() + "|" + std::string(takes_scope))
        .shows_preset();
    syntax.add("--channel", options->words.channel, "As psm_token_channel");
    syntax.add_flag("--scope-levels", options->words.scope_levels,
                    "As psm_token_scope_levels on");
    return [options](Environment& environment) {
        return explain(*options, environment);
    };
}

} // namespace psm::cli
