// SPDX-License-Identifier: BSD-2-Clause
//
// scopes, snippets.

#include "command.hpp"
#include "inputs.hpp"
#include "lookup.hpp"
#include "output.hpp"
#include "snippets.hpp"

#include "../lib/scope.hpp"
#include "../lib/text.hpp"
#include "../lib/token.hpp"

#include <nlohmann/json.hpp>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

int list_scopes(Environment& environment)
{
    ordered_json items;
    Table table({"SCOPE", "LEVEL", "ACTS ON", "CATEGORY"});
    for (const ScopeInfo& scope : scopes) {
        const std::string level(level_name(scope.level));
        items.push_back({{"scope", scope.name},
                         {"level", level},
                         {"on_channel", scope.on_channel},
                         {"category", scope.group}});
        table.add({std::string(scope.name), level,
                   scope.on_channel ? "channel" : "account",
                   std::string(scope.group)});
    }
    if (environment.json) {
        print_json(list_json(std::move(items)));
    } else {
        table.print();
    }
    return yes;
}

struct SnippetOptions {
    std::string token; // an ID, "-", or empty
    std::string channel;
    SiteOptions site;
};

int show_snippets(const SnippetOptions& options, Environment& environment)
{
    const Site site = parse_site(options.site);
    if (!options.channel.empty()) {
        check_channel(options.channel);
    }
    std::string token(token_placeholder);
    std::vector<std::string> channels{std::string(channel_placeholder)};
    if (!options.token.empty()) {
        Credentials found = look_up(options.token, environment);
        if (found.standing != Standing::known) {
            wipe(found.token);
            throw Failure(no, describe_standing(found));
        }
        channels = channels_of(found.stored->record);
        if (!found.token.empty()) {
            token = found.token;
            wipe(found.token);
        }
    }
    if (!options.channel.empty()) {
        channels = {options.channel};
    }

    const auto snippets = make_snippets(site, token, channels);
    if (environment.json) {
        ordered_json items;
        std::string client;
        for (const Snippet& snippet : snippets) {
            client = snippet.client.empty() ? client : snippet.client;
            items.push_back({{"client", client}, {"command", snippet.command}});
        }
        print_json(list_json(std::move(items)));
    } else {
        print_snippets(site, snippets);
        if (token == token_placeholder) {
            print("\nTOKEN stands for the token, which is nowhere kept: give "
                  "`-` and the token on standard input to have it filled "
                  "in.\n");
        }
    }
    wipe(token);
    return yes;
}

} // namespace

Action define_scopes(Syntax /*syntax*/)
{
    return [](Environment& environment) { return list_scopes(environment); };
}

Action define_snippets(Syntax syntax)
{
    auto options = std::make_shared<SnippetOptions>();
    syntax.add("ID", options->token,
               "ID of the token; `-` reads the token from standard input");
    syntax.add("--channel", options->channel,
               "The channel; those of the token if not given");
    add_site_options(syntax, options->site);
    return [options](Environment& environment) {
        return show_snippets(*options, environment);
    };
}

} // namespace psm::cli
