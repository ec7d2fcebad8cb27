// SPDX-License-Identifier: BSD-2-Clause
//
// One function per command around zsh's _arguments. The text is fit to be
// sourced, and to be a file _psm-token in $fpath.

#include "completion.hpp"
#include "usage.hpp"

namespace psm::cli {

namespace {

/// As one word of the shell.
std::string quote(std::string_view text)
{
    std::string quoted = "'";
    for (const char c : text) {
        quoted += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return quoted + "'";
}

std::string escape_marks(std::string_view text, std::string_view marks)
{
    std::string escaped;
    for (const char c : text) {
        if (marks.find(c) != std::string_view::npos) {
            escaped += '\\';
        }
        escaped += c;
    }
    return escaped;
}

std::string function_of(const CommandUsage& command)
{
    std::string name = "_psm_token";
    for (const std::string& word : command.path) {
        name += "_" + word;
    }
    return name;
}

/// ":what it is:how it is completed".
std::string action(const std::string& name, std::string_view takes)
{
    const std::string message = ":" + escape_marks(name, ":\\") + ":";
    if (takes == takes_file) {
        return message + "_files";
    }
    if (takes == takes_grant) {
        return message + "__psm_token_grant";
    }
    if (takes == takes_scope) {
        return message + "__psm_token_scope";
    }
    const std::string words = join_words(words_of(takes));
    return message +
           (words.empty() ? " " : "(" + escape_marks(words, ":\\") + ")");
}

std::string option_lines(const OptionUsage& option)
{
    const std::string others = option.repeats ? "*"
                               : option.names.size() > 1
                                   ? "(" + join_words(option.names) + ")"
                                   : "";
    std::string text;
    for (const std::string& name : option.names) {
        const bool value = !option.takes.empty();
        std::string spec = others + name;
        spec += value && name.starts_with("--") ? "=" : "";
        spec += "[" + escape_marks(option.help, "[]\\:") + "]";
        spec += value ? action(option.takes, option.takes) : "";
        text += " \\\n        " + quote(spec);
    }
    return text;
}

std::string argument_lines(const CommandUsage& command)
{
    std::string text;
    int number = 0;
    for (const OptionUsage& argument : command.arguments) {
        number++;
        const std::string place =
            argument.repeats ? "*" : std::to_string(number);
        text += " \\\n        " +
                quote(place + action(argument.names.front(), argument.takes));
    }
    return text;
}

/// Names the commands below, and hands on to their functions.
std::string below(const CommandUsage& command)
{
    std::string names = "    local -a below=(\n";
    std::string cases = "    case $words[1] in\n";
    for (const CommandUsage& sub : command.commands) {
        names +=
            "        " +
            quote(sub.path.back() + ":" + escape_marks(sub.summary, "\\")) +
            "\n";
        cases +=
            "        " + sub.path.back() + ") " + function_of(sub) + " ;;\n";
    }
    return names +
           "    )\n"
           "    if [[ $state == command ]]; then\n"
           "        _describe command below\n"
           "        return\n"
           "    fi\n"
           "    [[ $state == below ]] || return 0\n" +
           cases + "    esac\n";
}

std::string function_text(const CommandUsage& command,
                          const CommandUsage& program)
{
    std::string text = function_of(command) + "() {\n";
    const bool leaf = command.commands.empty();
    if (!leaf) {
        text += "    local curcontext=$curcontext state line\n"
                "    local -A opt_args\n";
    }
    text += leaf ? "    _arguments -S" : "    _arguments -C -S";
    for (const OptionUsage& option : options_behind(command, program)) {
        text += option_lines(option);
    }
    text += argument_lines(command);
    if (leaf) {
        return text + "\n}\n\n";
    }
    return text + " \\\n        '1: :->command' \\\n        '*:: :->below'\n" +
           below(command) + "}\n\n";
}

} // namespace

std::string zsh_completion(const CommandUsage& program)
{
    std::string text =
        "#compdef psm-token\n"
        "# zsh completion for psm-token, printed by `psm-token completion "
        "zsh`.\n\n"
        "__psm_token_scope() {\n    compadd -- " +
        join_words(words_of(takes_scope)) +
        "\n}\n\n"
        "__psm_token_grant() {\n"
        "    if compset -P '*:'; then\n"
        "        compadd -- " +
        join_words(words_of(level_words())) +
        "\n    else\n"
        "        _message '" +
        std::string(takes_grant) + "'\n    fi\n}\n\n";
    for (const CommandUsage* const command : flatten(program)) {
        text += function_text(*command, program);
    }
    return text + "if [[ $funcstack[1] == _psm-token ]]; then\n"
                  "    _psm_token \"$@\"\n"
                  "else\n"
                  "    compdef _psm_token psm-token\n"
                  "fi\n";
}

} // namespace psm::cli
