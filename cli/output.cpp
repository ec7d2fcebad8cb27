// SPDX-License-Identifier: BSD-2-Clause

#include "output.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/utf8.hpp"

#include <nlohmann/json.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t gap = 2;
constexpr std::size_t min_width = 8;
constexpr std::string_view ellipsis = "\xe2\x80\xa6";

/// The first `width` characters, the last of them an ellipsis when there
/// were more.
std::string cut(const std::string& text, std::size_t width)
{
    if (count_characters(text) <= width) {
        return text;
    }
    std::size_t at = 0;
    for (std::size_t kept = 0; kept + 1 < width; kept++) {
        at += utf8_length(std::string_view(text).substr(at));
    }
    return text.substr(0, at) + std::string(ellipsis);
}

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

Table::Table(std::vector<std::string> headings)
{
    rows_.push_back(std::move(headings));
}

void Table::add(const std::vector<std::string>& cells)
{
    std::vector<std::string>& row = rows_.emplace_back();
    for (const std::string& cell : cells) {
        row.push_back(escape(cell));
    }
}

std::vector<std::size_t> Table::widths() const
{
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    std::size_t total = gap * (widths.size() - 1);
    for (std::size_t i = 0; i < widths.size(); i++) {
        for (const auto& row : rows_) {
            widths[i] = std::max(widths[i], count_characters(row[i]));
        }
        total += widths[i];
    }
    const auto limit = terminal_width(STDOUT_FILENO);
    while (limit && total > *limit && widths.size() > 1) {
        const auto widest = std::max_element(widths.begin() + 1, widths.end());
        if (*widest <= min_width) {
            break;
        }
        --*widest;
        --total;
    }
    return widths;
}

void Table::print() const
{
    const std::vector<std::size_t> widths = this->widths();
    for (const auto& row : rows_) {
        std::string text;
        for (std::size_t i = 0; i < row.size(); i++) {
            const std::string cell = cut(row[i], widths[i]);
            text += cell;
            if (i + 1 < row.size()) {
                text.append(widths[i] - count_characters(cell) + gap, ' ');
            }
        }
        text.erase(text.find_last_not_of(' ') + 1);
        cli::print(text + "\n");
    }
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
