// SPDX-License-Identifier: BSD-2-Clause

#include "inputs.hpp"

#include "command.hpp"
#include "interrupt.hpp"
#include "output.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/quote.hpp"
#include "../lib/text.hpp"
#include "../lib/token.hpp"
#include "../lib/token_limits.hpp"

#include <pwd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace psm::cli {

namespace {

/// The option that says what the member of a draft does.
std::string option_of(const std::string& field)
{
    struct Row {
        std::string_view member;
        const char* option;
    };

    static constexpr Row rows[] = {
        {"name", "--name"},
        {"description", "--description"},
        {"expires_at", "--expires"},
        {"owner", "--owner"},
        {"resources", "--resource"},
        {"scopes", "--scope"},
        {"channels", "--channel"},
        {"reissue", "--reissue"},
        {"overlap", "--overlap"},
        {"service_account", "--service-account"},
        {"", "what these options ask for"},
    };
    const std::string_view member =
        std::string_view(field).substr(0, field.find_first_of(".["));
    const auto* const row = std::ranges::find(rows, member, &Row::member);
    return row != std::end(rows) ? row->option : field;
}

void refuse_if(const std::string& option,
               const std::optional<std::string>& problem)
{
    if (problem) {
        refuse((option.empty() ? "" : option + " ") + *problem);
    }
}

/// Asks for a token that is typed, and does not show it.
class HiddenTyping {
public:
    HiddenTyping() : on_terminal_(tcgetattr(STDIN_FILENO, &before_) == 0)
    {
        if (on_terminal_) {
            prompt("Token (not shown): ");
            termios hidden = before_;
            hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        }
    }

    ~HiddenTyping()
    {
        if (on_terminal_) {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
            prompt("\n");
        }
    }

    HiddenTyping(const HiddenTyping&) = delete;
    HiddenTyping& operator=(const HiddenTyping&) = delete;

private:
    static void prompt(std::string_view text)
    {
        static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
    }

    termios before_{};
    bool on_terminal_;
};

} // namespace

std::string login_name()
{
    std::array<char, 256> name{};
    if (getlogin_r(name.data(), name.size()) == 0 && name[0] != '\0') {
        return name.data();
    }
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? std::string(found->pw_name)
                            : "uid-" + std::to_string(geteuid());
}

void check_text(const char* option, const std::string& text,
                std::optional<std::string> (*judge)(std::string_view))
{
    refuse_if(option, judge(text));
}

void check_owner(const std::string& owner)
{
    refuse_if("--owner", owner_problem(owner));
}

void check_id(const std::string& id)
{
    if (!is_token_id(id)) {
        refuse(in_quotes(id) +
               " is not the ID of a token: `psm-token list` shows them");
    }
}

void check_channel(const std::string& channel)
{
    refuse_if("", channel_problem(channel));
}

void refuse_problems(const FieldProblems& problems)
{
    std::string text;
    for (const FieldProblem& problem : problems) {
        text += (text.empty() ? "" : "\n           ") +
                option_of(problem.field) + " " + problem.why;
    }
    if (!text.empty()) {
        refuse(text);
    }
}

void refuse_tokens_in_arguments(const std::vector<std::string>& arguments)
{
    for (std::size_t i = 0; i < arguments.size(); i++) {
        if (holds_own_token(arguments[i])) {
            refuse("argument " + std::to_string(i + 1) +
                   " holds a token. Arguments are seen by every user of this "
                   "machine and stay in the shell's history: give the token's "
                   "ID, or `-` and the token on standard input. If this token "
                   "is in use, replace it");
        }
    }
}

std::int64_t parse_expiry(const std::string& text, std::int64_t now)
{
    if (text == "never") {
        return never_expires;
    }
    if (const auto time = parse_time(text)) {
        return *time;
    }
    const auto duration = parse_duration(text);
    if (!duration || *duration > max_time - now) {
        refuse("--expires " + in_quotes(text) +
               " is no time: write 12h, 30d, 2027-01-31, "
               "2027-01-31T10:00:00Z or never");
    }
    return now + *duration;
}

std::int64_t parse_span(const char* option, const std::string& text)
{
    const auto seconds = parse_duration(text);
    if (!seconds) {
        refuse(std::string(option) + " " + in_quotes(text) +
               " is no span of time: write 90m, 12h, 7d, 2w or 1y");
    }
    return *seconds;
}

std::string read_token_from_stdin()
{
    constexpr std::size_t max_line = 4096;
    const Interrupt interrupt; // a Ctrl-C must not leave the typing hidden
    const HiddenTyping hidden;
    std::string line;
    line.reserve(max_line); // no copy is left behind by growing
    for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
        if (line.empty() && (c == ' ' || c == '\t')) {
            continue; // pasted with it
        }
        if (line.size() == max_line) {
            wipe(line);
            refuse("what stands on standard input is too long for a token");
        }
        line.push_back(static_cast<char>(c));
    }
    if (Interrupt::asked()) {
        wipe(line);
        throw Interrupted("nothing was done");
    }
    while (!line.empty() &&
           (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) {
        line.pop_back();
    }
    return line;
}

} // namespace psm::cli
