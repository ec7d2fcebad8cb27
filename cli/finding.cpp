// SPDX-License-Identifier: BSD-2-Clause

#include "finding.hpp"

#include "command.hpp"
#include "output.hpp"

#include "../lib/text.hpp"
#include "../lib/utf8.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t verdict_width = 9;
constexpr std::size_t max_check = 36;
constexpr std::size_t min_text = 24;

std::string_view verdict_name(Verdict verdict)
{
    switch (verdict) {
    case Verdict::good:
        return "ok";
    case Verdict::note:
        return "note";
    case Verdict::problem:
        return "PROBLEM";
    case Verdict::unknown:
        break;
    }
    return "unknown";
}

std::string padded(std::string_view text, std::size_t width)
{
    std::string out(text);
    const std::size_t count = count_characters(text);
    out.append(count < width ? width - count : 1, ' ');
    return out;
}

/// In lines of at most `width` characters, those behind the first indented.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent)
{
    std::string out;
    std::size_t column = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        const std::size_t length = count_characters(word);
        if (column > 0 && column + 1 + length > width) {
            out += "\n" + std::string(indent, ' ');
            column = 0;
        } else if (column > 0) {
            out += ' ';
            column++;
        }
        out += word;
        column += length;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace

void Findings::add(Verdict verdict, std::string_view area,
                   std::string_view check, std::string_view says)
{
    findings_.push_back({.verdict = verdict,
                         .area = std::string(area),
                         .check = std::string(check),
                         .says = std::string(says)});
}

int Findings::code() const noexcept
{
    const auto found = [this](Verdict verdict) {
        return std::ranges::count(findings_, verdict, &Finding::verdict) > 0;
    };
    if (found(Verdict::problem)) {
        return no;
    }
    return found(Verdict::unknown) ? cannot_tell : yes;
}

void Findings::print() const
{
    std::size_t check_width = 0;
    for (const Finding& finding : findings_) {
        check_width =
            std::max(check_width, count_characters(escape(finding.check)) + 2);
    }
    check_width = std::min(check_width, max_check);
    const std::size_t width = terminal_width(STDOUT_FILENO).value_or(100);
    const bool narrow = width < verdict_width + check_width + min_text;
    const std::size_t indent =
        narrow ? verdict_width : verdict_width + check_width;
    std::string area;
    for (const Finding& finding : findings_) {
        if (finding.area != area) {
            cli::print((area.empty() ? "" : "\n") + finding.area + "\n");
            area = finding.area;
        }
        std::string text = padded(verdict_name(finding.verdict), verdict_width);
        const std::string check = escape(finding.check);
        const bool alone = narrow || count_characters(check) >= check_width;
        text += alone ? check + "\n" + std::string(indent, ' ')
                      : padded(check, check_width);
        text += wrap(escape(finding.says),
                     width > indent ? width - indent : min_text, indent);
        text.erase(text.find_last_not_of(" \n") + 1);
        cli::print(text + "\n");
    }
}

void Findings::print_json() const
{
    ordered_json items = ordered_json::array();
    for (const Finding& finding : findings_) {
        std::string verdict(verdict_name(finding.verdict));
        std::ranges::transform(verdict, verdict.begin(), to_lower);
        items.push_back({{"area", finding.area},
                         {"check", finding.check},
                         {"result", verdict},
                         {"says", finding.says}});
    }
    const int found = code();
    cli::print_json({{"result", found == yes  ? "ok"
                                : found == no ? "problem"
                                              : "unknown"},
                     {"items", std::move(items)}});
}

} // namespace psm::cli
