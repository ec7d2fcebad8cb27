// SPDX-License-Identifier: BSD-2-Clause
//
// The lines of an import between its two passes: all are judged before the
// first is written. In a temporary file without a name, which holds no token:
// their digests, and their records.

#pragma once

#include "../lib/import_line.hpp"
#include "../lib/store.hpp"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace psm::cli {

struct SpooledToken {
    std::uint64_t line = 0;
    ImportedToken token{}; // without a digest: a string is to be made
};

class ImportSpool {
public:
    ImportSpool();

    /// `line`'s token is in its digest by now.
    void add(std::uint64_t number, const ImportLine& line);

    /// From the first to the last; false behind it.
    [[nodiscard]] bool next(SpooledToken& out);

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept
        {
            static_cast<void>(std::fclose(file));
        }
    };

    std::unique_ptr<std::FILE, Close> file_;
    bool reading_ = false;
};

} // namespace psm::cli
