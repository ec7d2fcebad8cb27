// SPDX-License-Identifier: BSD-2-Clause
//
// What the doctor finds, one line each, and what it comes to.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

enum class Verdict : std::uint8_t {
    good,
    note,    // nothing is wrong, but somebody may want to know
    problem, // to be mended
    unknown, // it could not be looked at
};

struct Finding {
    Verdict verdict = Verdict::good;
    std::string area;  // "redis", "records", "files", ...
    std::string check; // what was looked at
    std::string says;
};

class Findings {
public:
    void add(Verdict verdict, std::string_view area, std::string_view check,
             std::string_view says);

    [[nodiscard]] const std::vector<Finding>& all() const noexcept
    {
        return findings_;
    }

    /// yes, no (a problem) or cannot_tell.
    [[nodiscard]] int code() const noexcept;

    /// For people: wrapped to the terminal; a heading per area.
    void print() const;
    void print_json() const;

private:
    std::vector<Finding> findings_;
};

} // namespace psm::cli
