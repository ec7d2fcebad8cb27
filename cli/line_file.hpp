// SPDX-License-Identifier: BSD-2-Clause
//
// A file read line by line, whose lines may hold tokens: what held one is
// wiped, here the buffer, by the caller the line.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace psm::cli {

class LineFile {
public:
    /// "-": standard input. A file that cannot be read is refused.
    explicit LineFile(const std::string& path);
    ~LineFile();
    LineFile(const LineFile&) = delete;
    LineFile& operator=(const LineFile&) = delete;

    /// False at the end, or where a signal ends the wait for more. What is
    /// longer than `max` is cut to one more than that.
    [[nodiscard]] bool next(std::string& line, std::size_t max);

    /// Of the line that was read last, from 1.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

private:
    bool refill();

    std::string path_;
    int file_;
    std::vector<char> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    std::uint64_t number_ = 0;
};

} // namespace psm::cli
