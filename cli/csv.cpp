// SPDX-License-Identifier: BSD-2-Clause

#include "csv.hpp"

#include "output.hpp"

#include "../lib/quote.hpp"

namespace psm::cli {

namespace {

std::string csv_cell(const std::string& text)
{
    std::string cell = escape(text);
    if (!cell.empty() &&
        std::string_view("=+-@").find(cell.front()) != std::string_view::npos) {
        cell.insert(0, "'");
    }
    if (cell.find_first_of(",\"") == std::string::npos) {
        return cell;
    }
    std::string quoted = "\"";
    for (const char c : cell) {
        quoted += c;
        if (c == '"') {
            quoted += c;
        }
    }
    return quoted + "\"";
}

} // namespace

void print_csv(const std::vector<std::string>& cells)
{
    std::string line;
    for (const std::string& cell : cells) {
        line += (&cell == &cells.front() ? "" : ",") + csv_cell(cell);
    }
    print(line + "\r\n");
}

} // namespace psm::cli
