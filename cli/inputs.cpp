// SPDX-License-Identifier: BSD-2-Clause

#include "inputs.hpp"

#include "command.hpp"
#include "output.hpp"

#include "../lib/channel.hpp"
#include "../lib/clock_text.hpp"
#include "../lib/text.hpp"
#include "../lib/token.hpp"

#include <nlohmann/json.hpp>

#include <pwd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

namespace psm::cli {

namespace {

constexpr std::size_t max_name = 128;
constexpr std::size_t max_description = 1024;
constexpr std::size_t max_owner = 128;
constexpr std::size_t max_id = 64;

std::string in_quotes(std::string_view text)
{
    return "\"" + escape(text) + "\"";
}

bool has_only(std::string_view text, std::string_view punctuation)
{
    return std::all_of(text.begin(), text.end(), [=](char c) {
        return is_alnum(c) || punctuation.find(c) != std::string_view::npos;
    });
}

bool is_utf8(const std::string& text)
{
    try {
        static_cast<void>(nlohmann::json(text).dump());
        return true;
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

/// C0, DEL and C1, whose UTF-8 is C2 80 to C2 9F.
bool has_control(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool c1 = text[i] == '\xc2' && i + 1 < text.size() &&
                        static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (is_control(text[i]) || c1) {
            return true;
        }
    }
    return false;
}

void check_text(const char* option, const std::string& text,
                std::size_t max_characters)
{
    if (!is_utf8(text)) {
        refuse(std::string(option) + " " + in_quotes(text) + " is not UTF-8");
    }
    if (has_control(text)) {
        refuse(std::string(option) + " " + in_quotes(text) +
               " holds control characters: leave them out");
    }
    if (count_characters(text) > max_characters) {
        refuse(std::string(option) + " is longer than " +
               std::to_string(max_characters) + " characters: shorten it");
    }
}

void add_resource(const std::string& text, TokenRecord& record)
{
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
        refuse("--resource " + in_quotes(text) +
               " has no level: write CHANNEL:read, CHANNEL:write or "
               "CHANNEL:manage");
    }
    const std::string channel = text.substr(0, colon);
    const auto level = find_level(text.substr(colon + 1));
    check_channel(channel);
    if (!level) {
        refuse("--resource " + in_quotes(text) + ": " +
               in_quotes(text.substr(colon + 1)) +
               " is no level: use read, write or manage");
    }
    if (!record.resources.emplace(channel, *level).second) {
        refuse("--resource names the channel " + in_quotes(channel) +
               " twice: keep one of them");
    }
}

void add_scope(const std::string& scope, TokenRecord& record)
{
    if (!find_scope(scope)) {
        refuse("unknown scope " + in_quotes(scope) +
               ": `psm-token scopes` lists all of them");
    }
    if (std::ranges::count(record.scopes, scope) != 0) {
        refuse("--scope " + scope + " is given twice: keep one of them");
    }
    record.scopes.push_back(scope);
}

void add_reach(const std::string& channel, TokenRecord& record)
{
    check_channel(channel);
    if (std::ranges::count(record.channels, channel) != 0) {
        refuse("--channel " + channel + " is given twice: keep one of them");
    }
    record.channels.push_back(channel);
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

void check_name(const std::string& name)
{
    if (name.empty()) {
        refuse("--name is empty: say what the token is for, as in --name ci");
    }
    check_text("--name", name, max_name);
}

void check_description(const std::string& description)
{
    check_text("--description", description, max_description);
}

void check_owner(const std::string& owner)
{
    if (owner.empty() || owner.size() > max_owner ||
        !has_only(owner, "._@+-")) {
        refuse("owner " + in_quotes(owner) +
               " is not valid: use 1 to 128 letters, digits and . _ @ + - "
               "with --owner");
    }
}

void check_id(const std::string& id)
{
    if (id.empty() || id.size() > max_id || !has_only(id, "-")) {
        refuse(in_quotes(id) +
               " is not the ID of a token: `psm-token list` shows them");
    }
}

void check_channel(const std::string& channel)
{
    if (!is_channel_path(channel)) {
        refuse(in_quotes(channel) +
               " is not a channel path: write NAME or NAME/SUBCHANNEL, at "
               "most 8 parts of letters, digits and . _ -, none of them t, "
               "simple, jupyter or a platform");
    }
}

void refuse_tokens_in_arguments(const std::vector<std::string>& arguments)
{
    for (std::size_t i = 0; i < arguments.size(); i++) {
        const std::string_view text = arguments[i];
        for (std::size_t at = text.find(token_prefix);
             at != std::string_view::npos;
             at = text.find(token_prefix, at + 1)) {
            if (classify_token(text.substr(at, token_length),
                               TokenFormat::psm) == TokenShape::well_formed) {
                refuse("argument " + std::to_string(i + 1) +
                       " holds a token. Arguments are seen by every user of "
                       "this machine and stay in the shell's history: give "
                       "the token's ID, or `-` and the token on standard "
                       "input. If this token is in use, replace it");
            }
        }
    }
}

std::int64_t parse_expiry(const std::string& text, std::int64_t now)
{
    if (text == "never") {
        return never_expires;
    }
    if (const auto time = parse_time(text)) {
        if (*time <= now) {
            refuse("--expires " + in_quotes(text) + " is in the past: it is " +
                   format_time(now) + " now");
        }
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

void set_grants(const GrantOptions& options, TokenRecord& record)
{
    const bool has_resources = !options.resources.empty();
    const bool has_scopes = !options.scopes.empty();
    if (has_resources && (has_scopes || !options.channels.empty())) {
        refuse("--resource goes with neither --scope nor --channel: a token "
               "has either resources or scopes. Create two tokens");
    }
    if (!has_resources && !has_scopes) {
        refuse("a token needs a grant: give --resource CHANNEL:LEVEL, or "
               "--scope SCOPE");
    }
    if (std::max({options.resources.size(), options.channels.size()}) >
        max_resources) {
        refuse("more than " + std::to_string(max_resources) +
               " channels: grant their common parent, or create two tokens");
    }
    record.kind = has_resources ? TokenKind::resource : TokenKind::scope;
    for (const std::string& resource : options.resources) {
        add_resource(resource, record);
    }
    for (const std::string& scope : options.scopes) {
        add_scope(scope, record);
    }
    for (const std::string& channel : options.channels) {
        add_reach(channel, record);
    }
}

std::string read_token_from_stdin()
{
    constexpr std::size_t max_line = 4096;
    const HiddenTyping hidden;
    std::string line;
    line.reserve(max_line); // no copy is left behind by growing
    for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
        if (line.size() == max_line) {
            wipe(line);
            refuse("what stands on standard input is too long for a token");
        }
        line.push_back(static_cast<char>(c));
    }
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
        line.pop_back();
    }
    return line;
}

} // namespace psm::cli
