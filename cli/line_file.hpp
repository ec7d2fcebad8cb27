// SPDX-License-Identifier: BSD-2-Clause
//
// A file read line by line, whose lines may hold tokens: what held one is
// wiped, here the buffer, by the caller the line.

#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
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

    /// False at the end. What is longer than `max` is cut to one more than
    /// that.
    [[nodiscard]] bool next(std::string& line, std::size_t max);

    /// Of the line that was read last, from 1.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept;
    };

    std::string path_;
    std::vector<char> buffer_;
    std::unique_ptr<std::FILE, Close> file_;
    std::uint64_t number_ = 0;
};

} // namespace psm::cli
