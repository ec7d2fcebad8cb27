// SPDX-License-Identifier: BSD-2-Clause
//
// The two streams of the audit, what was done and what was refused, as one in
// the order of time.

#pragma once

#include "../lib/store.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace psm::cli {

class AuditReader {
public:
    using Stream = Store::AuditStream;

    /// From `since` (unix seconds) on.
    AuditReader(const std::vector<Stream>& streams, std::int64_t since);

    /// The next ones, at most some hundred; none: there are no more at the
    /// moment. After a failure it goes on where it was.
    [[nodiscard]] std::vector<AuditEntry> next(Store& store);

private:
    struct Source {
        Stream stream;
        std::string after;
        std::deque<AuditEntry> waiting{};
        bool more = true;
    };

    std::vector<Source> sources_;
};

} // namespace psm::cli
