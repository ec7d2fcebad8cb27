// SPDX-License-Identifier: BSD-2-Clause
//
// One `complete` per option and command, each on the condition that the
// command line has come to the command it belongs to.

#include "completion.hpp"
#include "usage.hpp"

#include <set>

namespace psm::cli {

namespace {

constexpr std::string_view head =
    R"sh(# fish completion for psm-token, printed by `psm-token completion fish`.

# Whether the words so far name this command.
function __psm_token_at
    set -l words (commandline -opc)
    set -l path
    set -l option
    for word in $words[2..-1]
        if contains -- "$option" $__psm_token_valued
            set option
        else if contains -- "$path $word" $__psm_token_commands
            set path "$path $word"
        else
            set option $word
        end
    end
    test "$path" = "$argv"
end

# CHANNEL:LEVEL for the channel that is typed.
function __psm_token_grant
    set -l typed (string replace -r '^--[^=]*=' '' -- (commandline -ct))
    if string match -q '*:*' -- $typed
        set -l channel (string replace -r ':[^:]*$' '' -- $typed)
        for level in $__psm_token_levels
            echo $channel:$level
        end
    end
end

)sh";

std::string quote(std::string_view text)
{
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') {
            quoted += '\\';
        }
        quoted += c;
    }
    return quoted + "'";
}

/// As __psm_token_at knows it: each word behind a blank.
std::string label(const CommandUsage& command)
{
    const std::string path = join_path(command);
    return path.empty() ? "" : " " + path;
}

std::string begin(const CommandUsage& command)
{
    return "complete -c psm-token -n " +
           quote("__psm_token_at " + quote(label(command)));
}

std::string values(std::string_view takes)
{
    if (takes == takes_file) {
        return " -r -F";
    }
    if (takes == takes_grant) {
        return " -x -a '(__psm_token_grant)'";
    }
    if (takes == takes_scope) {
        return " -x -a '$__psm_token_scopes'";
    }
    const std::string words = join_words(words_of(takes));
    return " -x" + (words.empty() ? "" : " -a " + quote(words));
}

std::string option_line(const OptionUsage& option)
{
    std::string text;
    for (const std::string& name : option.names) {
        text += name.starts_with("--") ? " -l " + name.substr(2)
                                       : " -s " + name.substr(1);
    }
    text += option.takes.empty() ? "" : values(option.takes);
    return text + " -d " + quote(option.help) + "\n";
}

std::string command_lines(const CommandUsage& command,
                          const CommandUsage& program)
{
    std::string text;
    for (const CommandUsage& below : command.commands) {
        text += begin(command) + " -a " + below.path.back() + " -d " +
                quote(below.summary) + "\n";
    }
    for (const OptionUsage& option : options_behind(command, program)) {
        text += begin(command) + option_line(option);
    }
    for (const OptionUsage& argument : command.arguments) {
        const std::string words = join_words(words_of(argument.takes));
        if (argument.takes == takes_file) {
            text += begin(command) + " -F\n";
        } else if (!words.empty()) {
            text += begin(command) + " -a " + quote(words) + "\n";
        }
    }
    return text;
}

/// The options behind which a value stands.
std::vector<std::string> valued(const CommandUsage& program)
{
    std::set<std::string> names;
    for (const CommandUsage* const command : flatten(program)) {
        for (const OptionUsage& option : command->options) {
            if (!option.takes.empty()) {
                names.insert(option.names.begin(), option.names.end());
            }
        }
    }
    return {names.begin(), names.end()};
}

} // namespace

std::string fish_completion(const CommandUsage& program)
{
    std::string text(head);
    text += "set -g __psm_token_scopes " + join_words(words_of(takes_scope)) +
            "\n" + "set -g __psm_token_levels " +
            join_words(words_of(level_words())) + "\n" +
            "set -g __psm_token_valued " + join_words(valued(program)) + "\n" +
            "set -g __psm_token_commands";
    const auto commands = flatten(program);
    for (const CommandUsage* const command : commands) {
        if (command != &program) {
            text += " " + quote(label(*command));
        }
    }
    text += "\n\ncomplete -c psm-token -f\n";
    for (const CommandUsage* const command : commands) {
        text += command_lines(*command, program);
    }
    return text;
}

} // namespace psm::cli
