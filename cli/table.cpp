// SPDX-License-Identifier: BSD-2-Clause

#include "table.hpp"

#include "output.hpp"

#include "../lib/utf8.hpp"

#include <unistd.h>

#include <algorithm>
#include <numeric>

namespace psm::cli {

namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t date_length = 10;
constexpr std::string_view ellipsis = "\xe2\x80\xa6";

// Texts keep so much while there are columns that can be spared, and so much
// when there is none any more.
constexpr std::size_t good_width = 12;
constexpr std::size_t least_width = 8;

/// The first `width` characters, the last of them `mark` when there were more.
std::string cut(const std::string& text, std::size_t width,
                std::string_view mark)
{
    if (count_characters(text) <= width) {
        return text;
    }
    std::size_t at = 0;
    for (std::size_t kept = mark.empty() ? 0 : 1; kept < width; kept++) {
        at += utf8_length(std::string_view(text).substr(at));
    }
    return text.substr(0, at) + std::string(mark);
}

std::size_t total(const std::vector<std::size_t>& widths)
{
    const auto shown = static_cast<std::size_t>(
        std::ranges::count_if(widths, [](std::size_t w) { return w > 0; }));
    return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
           gap * (shown - 1);
}

} // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns))
{
    for (const Column& column : columns_) {
        natural_.push_back(count_characters(column.heading));
    }
}

void Table::add(const std::vector<std::string>& cells)
{
    std::vector<std::string>& row = rows_.emplace_back();
    for (const std::string& cell : cells) {
        std::size_t& width = natural_[row.size()];
        row.push_back(escape(cell));
        width = std::max(width, count_characters(row.back()));
    }
    count_++;
}

Table::Widths Table::without_spare(unsigned spared) const
{
    Widths widths = natural_;
    for (std::size_t i = 0; i < widths.size(); i++) {
        if (columns_[i].spare > 0 && columns_[i].spare <= spared) {
            widths[i] = 0;
        }
    }
    return widths;
}

void Table::shrink(Widths& widths, std::size_t limit, std::size_t least) const
{
    if (total(widths) > limit) {
        for (std::size_t i = 1; i < widths.size(); i++) {
            if (columns_[i].fit == Fit::time) {
                widths[i] = std::min(widths[i], date_length);
            }
        }
    }
    while (total(widths) > limit) {
        std::size_t widest = 0;
        for (std::size_t i = 1; i < widths.size(); i++) {
            const bool wider = widest == 0 || widths[i] > widths[widest];
            if (columns_[i].fit == Fit::cut && wider) {
                widest = i;
            }
        }
        if (widest == 0 || widths[widest] <= least) {
            return;
        }
        widths[widest]--;
    }
}

Table::Widths Table::fit() const
{
    const auto limit = terminal_width(STDOUT_FILENO);
    if (!limit) {
        return natural_;
    }
    const unsigned last = std::ranges::max(columns_, {}, &Column::spare).spare;
    Widths widths;
    for (unsigned spared = 0; spared <= last; spared++) {
        widths = without_spare(spared);
        shrink(widths, *limit, good_width);
        if (total(widths) <= *limit) {
            return widths;
        }
    }
    shrink(widths, *limit, least_width);
    return widths;
}

void Table::print_row(const std::vector<std::string>& row,
                      const Widths& widths) const
{
    std::string text;
    for (std::size_t i = 0; i < row.size(); i++) {
        if (widths[i] == 0) {
            continue;
        }
        const bool is_time = columns_[i].fit == Fit::time;
        const std::string cell =
            cut(row[i], widths[i], is_time ? "" : ellipsis);
        text += cell;
        text.append(widths[i] - count_characters(cell) + gap, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    cli::print(text + "\n");
}

void Table::print()
{
    const Widths widths = fit();
    if (!begun_) {
        std::vector<std::string> headings;
        for (const Column& column : columns_) {
            headings.emplace_back(column.heading);
        }
        print_row(headings, widths);
        begun_ = true;
    }
    for (const auto& row : rows_) {
        print_row(row, widths);
    }
    rows_.clear();
}

} // namespace psm::cli
