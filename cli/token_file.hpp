// SPDX-License-Identifier: BSD-2-Clause
//
// Where an import writes the strings that it makes: JSON Lines, in a file that
// nobody else can read. A string is on the disk before its token is in Redis,
// so that none is made which nobody has.

#pragma once

#include "../lib/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace psm::cli {

class TokenFile {
public:
    /// Made with mode 0600, or added to. One that others can read, or that is
    /// no ordinary file, is refused.
    explicit TokenFile(const std::string& path);
    ~TokenFile();
    TokenFile(const TokenFile&) = delete;
    TokenFile& operator=(const TokenFile&) = delete;

    void add(std::uint64_t line, const TokenRecord& record,
             std::string_view token);

    /// Until what was added is on the disk.
    void flush();

private:
    std::string path_;
    int file_;
    std::string pending_;
};

} // namespace psm::cli
