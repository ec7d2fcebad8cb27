// SPDX-License-Identifier: BSD-2-Clause

#include "man_page.hpp"

#include "usage.hpp"
#include "version.hpp"

#include <algorithm>

namespace psm::cli {

namespace {

constexpr std::string_view files =
    R"(.SH EXAMPLES
A token that reads one channel, shown once with what to paste:
.PP
.EX
psm\-token create \-\-name ci \-\-resource main:read \-\-url https://conda.example
.EE
.PP
What the gate would say, and why; the token is read from standard input:
.PP
.EX
psm\-token explain \- GET /main/noarch/repodata.json < token
.EE
.PP
Redis over TLS, as a user whose password is in a file:
.PP
.EX
export PSM_TOKEN_REDIS=\(aqrediss://redis.example user=admin password_file=/etc/psm/admin\(aq
psm\-token list
.EE
.SH SEE ALSO
.BR nginx (8),
.BR redis\-server (1)
)";

/// Text as roff shows it literally; `code` is bold.
std::string literal(std::string_view text)
{
    std::string out;
    bool code = false;
    for (const char c : text) {
        const bool line_start = out.empty() || out.back() == '\n';
        if (line_start && (c == '.' || c == '\'')) {
            out += "\\&";
        }
        switch (c) {
        case '\\':
            out += "\\e";
            break;
        case '-':
            out += "\\-";
            break;
        case '\'':
            out += "\\(aq";
            break;
        case '`':
            code = !code;
            out += code ? "\\fB" : "\\fR";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string bold(std::string_view text)
{
    return "\\fB" + literal(text) + "\\fR";
}

/// "read|write" is literal, a name for people slanted.
std::string value(std::string_view takes)
{
    return words_of(takes).empty() || takes == takes_scope
               ? "\\fI" + literal(takes) + "\\fR"
               : bold(takes);
}

std::string sentence(const std::string& text)
{
    return literal(text) + (text.ends_with('.') ? "" : ".");
}

std::string item(const OptionUsage& option, bool argument)
{
    std::string text = ".TP\n";
    for (const std::string& name : option.names) {
        text += (&name == &option.names.front() ? "" : ", ") +
                (argument ? "\\fI" + literal(name) + "\\fR" : bold(name));
    }
    text += argument || option.takes.empty() ? "" : " " + value(option.takes);
    text += option.repeats ? " ..." : "";
    text += "\n" + sentence(option.help) + "\n";
    if (argument && !words_of(option.takes).empty()) {
        text += "One of " + bold(option.takes) + ".\n";
    }
    if (!option.environment.empty()) {
        text += "The variable " + bold(option.environment) +
                " takes its place where it is not given.\n";
    }
    if (!option.preset.empty()) {
        text += "Default: " + bold(option.preset) + ".\n";
    }
    return text;
}

/// "psm-token create --name TEXT [OPTION...]".
std::string synopsis(const CommandUsage& command)
{
    std::string text = "psm\\-token";
    for (const std::string& word : command.path) {
        text += " " + literal(word);
    }
    text = "\\fB" + text + "\\fR";
    bool optional = false;
    for (const OptionUsage& option : command.options) {
        optional = optional || !option.required;
        if (option.required) {
            text += " " + bold(option.names.back()) + " " + value(option.takes);
        }
    }
    text += optional ? " [\\fIOPTION\\fR ...]" : "";
    for (const OptionUsage& argument : command.arguments) {
        const std::string name = "\\fI" + literal(argument.names.front()) +
                                 "\\fR" + (argument.repeats ? " ..." : "");
        text += argument.required ? " " + name : " [" + name + "]";
    }
    return text;
}

bool is_help(const OptionUsage& option)
{
    return option.names.back() == "--help";
}

std::string command_text(const CommandUsage& command)
{
    std::string text =
        ".SS " + synopsis(command) + "\n" + sentence(command.summary) + "\n";
    for (const OptionUsage& argument : command.arguments) {
        text += item(argument, true);
    }
    for (const OptionUsage& option : command.options) {
        text += is_help(option) ? "" : item(option, false);
    }
    return text;
}

std::string environment(const CommandUsage& program)
{
    std::string text = ".SH ENVIRONMENT\n";
    std::vector<std::string> seen;
    for (const CommandUsage* const command : flatten(program)) {
        for (const OptionUsage& option : command->options) {
            const std::string& name = option.environment;
            if (name.empty() || std::ranges::count(seen, name) != 0) {
                continue;
            }
            seen.push_back(name);
            text += ".TP\n" + bold(name) + "\nIn the place of " +
                    bold(option.names.back()) + ": " + sentence(option.help) +
                    "\n";
        }
    }
    return text;
}

} // namespace

std::string man_page(const CommandUsage& program)
{
    std::string text = R"(.TH PSM\-TOKEN 1 "" "psm\-token )";
    text += literal(version) + R"(" "User Commands"
.SH NAME
psm\-token \- )" +
            literal(program.summary) +
            R"(
.SH SYNOPSIS
\fBpsm\-token\fR [\fIOPTION\fR ...] \fICOMMAND\fR [\fIOPTION\fR ...] [\fIARGUMENT\fR ...]
.SH DESCRIPTION
)" + sentence(program.summary) +
            R"(
Tokens are read from standard input, never from the command line, which other
users of the machine can see.
.SH OPTIONS
They may also stand behind a command.
)";
    for (const OptionUsage& option : program.options) {
        text += item(option, false);
    }
    text += ".SH COMMANDS\n";
    for (const CommandUsage* const command : flatten(program)) {
        if (command != &program && command->commands.empty()) {
            text += command_text(*command);
        }
    }
    text += ".SH EXIT STATUS\n" + literal(program.footer) + "\n" +
            environment(program);
    return text + std::string(files);
}

} // namespace psm::cli
