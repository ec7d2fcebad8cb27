// SPDX-License-Identifier: BSD-2-Clause

#include "usage.hpp"

#include "../lib/record.hpp"
#include "../lib/scope.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace psm::cli {

namespace {

OptionUsage read_option(const CLI::Option& option)
{
    OptionUsage usage{.names = {},
                      .takes = {},
                      .help = option.get_description(),
                      .environment = option.get_envname(),
                      .preset = option.get_default_str(),
                      .required = option.get_required(),
                      .repeats = option.get_items_expected_max() > 1};
    for (const std::string& name : option.get_snames()) {
        usage.names.push_back("-" + name);
    }
    for (const std::string& name : option.get_lnames()) {
        usage.names.push_back("--" + name);
    }
    if (usage.names.empty()) {
        usage.names.push_back(option.get_name(true));
    }
    if (option.get_items_expected_max() > 0) {
        usage.takes = option.get_type_name();
    }
    return usage;
}

CommandUsage read_command(const CLI::App& app, std::vector<std::string> path)
{
    CommandUsage usage{.path = std::move(path),
                       .summary = app.get_description(),
                       .footer = app.get_footer(),
                       .options = {},
                       .arguments = {},
                       .commands = {}};
    for (const CLI::Option* const option : app.get_options()) {
        auto& list = option->get_positional() ? usage.arguments : usage.options;
        list.push_back(read_option(*option));
    }
    for (const CLI::App* const sub :
         app.get_subcommands([](const CLI::App*) { return true; })) {
        std::vector<std::string> below = usage.path;
        below.push_back(sub->get_name());
        usage.commands.push_back(read_command(*sub, std::move(below)));
    }
    return usage;
}

void add_flat(const CommandUsage& command,
              std::vector<const CommandUsage*>& flat)
{
    flat.push_back(&command);
    for (const CommandUsage& below : command.commands) {
        add_flat(below, flat);
    }
}

void add_scopes(std::vector<std::string>& words)
{
    for (const ScopeInfo& scope : scopes) {
        words.emplace_back(scope.name);
    }
}

} // namespace

CommandUsage read_usage(const CLI::App& app)
{
    return read_command(app, {});
}

std::vector<const CommandUsage*> flatten(const CommandUsage& command)
{
    std::vector<const CommandUsage*> flat;
    add_flat(command, flat);
    return flat;
}

std::string join_words(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

std::string join_path(const CommandUsage& command)
{
    return join_words(command.path);
}

std::vector<OptionUsage> options_behind(const CommandUsage& command,
                                        const CommandUsage& program)
{
    std::vector<OptionUsage> options = command.options;
    for (const OptionUsage& option : program.options) {
        const bool own =
            std::ranges::any_of(command.options, [&](const OptionUsage& other) {
                return other.names == option.names;
            });
        if (!own && option.names.back() != "--version") {
            options.push_back(option);
        }
    }
    return options;
}

std::vector<std::string> words_of(std::string_view takes)
{
    std::vector<std::string> words;
    if (takes == takes_scope) {
        add_scopes(words);
    }
    if (takes.find('|') == std::string_view::npos) {
        return words;
    }
    while (!takes.empty()) {
        const std::size_t end = std::min(takes.find('|'), takes.size());
        const std::string_view word = takes.substr(0, end);
        if (word == takes_scope) {
            add_scopes(words);
        } else {
            words.emplace_back(word);
        }
        takes.remove_prefix(std::min(end + 1, takes.size()));
    }
    return words;
}

std::string level_words()
{
    std::string text;
    for (const Level level : {Level::read, Level::write, Level::manage}) {
        text += (text.empty() ? "" : "|") + std::string(level_name(level));
    }
    return text;
}

std::string privacy_words()
{
    std::string text;
    for (const Privacy privacy :
         {Privacy::open, Privacy::authenticated, Privacy::closed}) {
        text += (text.empty() ? "" : "|") + std::string(privacy_name(privacy));
    }
    return text;
}

} // namespace psm::cli
