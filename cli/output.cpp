// SPDX-License-Identifier: BSD-2-Clause

#include "output.hpp"

#include "../lib/clock_text.hpp"

#include <nlohmann/json.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

std::string join(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

} // namespace

std::optional<std::size_t> terminal_width(int file)
{
    winsize size{};
    if (isatty(file) == 0 || ioctl(file, TIOCGWINSZ, &size) != 0 ||
        size.ws_col == 0) {
        return std::nullopt;
    }
    return size.ws_col;
}

void print(std::string_view text)
{
    // main() asks at the end whether all of it was written.
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout));
}

void complain(std::string_view text)
{
    const std::string line = "psm-token: " + std::string(text) + "\n";
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

void print_json(const ordered_json& json)
{
    print(dump_json(json, 2) + "\n");
}

std::string line(std::string_view name, std::string_view value)
{
    constexpr std::size_t column = 14;
    std::string text(name);
    text.append(name.size() < column ? column - name.size() : 1, ' ');
    return text + escape(value) + "\n";
}

std::string describe_grants(const TokenRecord& record)
{
    if (record.kind == TokenKind::scope) {
        return join(record.scopes);
    }
    std::vector<std::string> words;
    for (const auto& [channel, level] : record.resources) {
        words.push_back(channel + ":" + std::string(level_name(level)));
    }
    return join(words);
}

std::string describe_reach(const TokenRecord& record)
{
    if (record.kind == TokenKind::resource) {
        return {};
    }
    return record.channels.empty() ? "reaches every channel"
                                   : join(record.channels);
}

std::string describe_expiry(const TokenRecord& record, std::int64_t now)
{
    if (record.expires == never_expires) {
        return "never";
    }
    const std::int64_t left = record.expires - now;
    return format_time(record.expires) +
           (left > 0 ? " (in " + format_duration(left) + ")"
                     : " (" + format_duration(-left) + " ago)");
}

std::string describe_token(const StoredToken& token, std::int64_t now)
{
    const TokenRecord& record = token.record;
    const bool is_resource = record.kind == TokenKind::resource;
    std::string status(state_name(state_of(record, now)));
    if (record.deleted) {
        status += " since " + format_time(*record.deleted);
    }
    if (!record.superseded_by.empty()) {
        status += ", superseded by " + record.superseded_by;
    }
    std::string text =
        line("id", record.id) + line("name", record.name) +
        line("type", is_resource ? "resource" : "scope") +
        line("owner", record.owner) +
        line(is_resource ? "resources" : "scopes", describe_grants(record));
    if (!is_resource) {
        text += line("channels", describe_reach(record));
    }
    text += line("status", status) +
            line("created",
                 format_time(record.created) +
                     (record.created_by.empty() ? ""
                                                : " by " + record.created_by)) +
            line("expires", describe_expiry(record, now)) +
            line("last used",
                 token.last_used ? format_time(*token.last_used) : "unknown") +
            line("rev", std::to_string(record.rev));
    if (!record.description.empty()) {
        text += line("description", record.description);
    }
    return text;
}

} // namespace psm::cli
