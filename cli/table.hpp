// SPDX-License-Identifier: BSD-2-Clause
//
// Rows under headings. Cells are escaped; on a terminal columns give way until
// a row fits its width: times lose their hours, the widest texts their ends,
// and what can be spared is left out. The first column never is.
//
// Rows may be printed while others are to come, so that there may be any
// number of them: those keep to the widths that there were.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace psm::cli {

class Table {
public:
    enum class Fit : std::uint8_t { cut, time };

    struct Column {
        Column(const char* name, Fit how = Fit::cut, unsigned order = 0)
            : heading(name), fit(how), spare(order)
        {
        }

        const char* heading;
        Fit fit;
        unsigned spare; // 1 is left out first; 0: never
    };

    explicit Table(std::vector<Column> columns);

    void add(const std::vector<std::string>& cells);

    /// Whether there was no row at all.
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

    /// Rows that are not printed yet.
    [[nodiscard]] std::size_t waiting() const noexcept { return rows_.size(); }

    void print();

private:
    using Widths = std::vector<std::size_t>; // 0: left out

    [[nodiscard]] Widths fit() const;
    [[nodiscard]] Widths without_spare(unsigned spared) const;
    void shrink(Widths& widths, std::size_t limit, std::size_t least) const;
    void print_row(const std::vector<std::string>& row,
                   const Widths& widths) const;

    std::vector<Column> columns_;
    Widths natural_; // of all rows so far
    std::vector<std::vector<std::string>> rows_;
    std::size_t count_ = 0;
    bool begun_ = false;
};

} // namespace psm::cli
