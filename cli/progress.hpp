// SPDX-License-Identifier: BSD-2-Clause
//
// How far long work has come: one line on standard error, only where that is a
// terminal, and only once the work has taken half a second. It is gone when
// the object is, or hidden; what else is printed meanwhile has to hide it
// first.
//
//     Progress progress("importing", lines);
//     progress.advance(100);

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace psm::cli {

class Progress {
public:
    /// `total`: where it is known how much there is.
    explicit Progress(std::string what,
                      std::optional<std::uint64_t> total = std::nullopt);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void advance(std::uint64_t count);

    void hide();

private:
    void draw(std::int64_t now);
    [[nodiscard]] std::string text(std::size_t width, std::int64_t now) const;

    std::string what_;
    std::optional<std::uint64_t> total_;
    std::uint64_t done_ = 0;
    std::int64_t begin_;
    std::int64_t next_; // when it is drawn again
    bool on_terminal_;
    bool shown_ = false;
};

} // namespace psm::cli
