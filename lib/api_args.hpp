// SPDX-License-Identifier: BSD-2-Clause
//
// The arguments of a request's URL: `limit=10&after=x`, as forms write them.
// What a route does not know is refused, and so is what comes twice or empty.

#pragma once

#include "field_problem.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace psm {

class ApiArgs {
public:
    ApiArgs() = default;

    /// Refuses a request whose arguments are wrong (api_problem.hpp).
    ApiArgs(std::string_view text, std::span<const std::string_view> known);

    /// nullopt: it is not there.
    [[nodiscard]] std::optional<std::string> text(std::string_view name) const;

    // The same; what is none of these adds to `problems`.
    [[nodiscard]] std::optional<std::size_t>
    number(std::string_view name, std::size_t min, std::size_t max,
           FieldProblems& problems) const;
    [[nodiscard]] std::optional<std::int64_t>
    duration(std::string_view name, FieldProblems& problems) const;
    [[nodiscard]] std::optional<bool> flag(std::string_view name,
                                           FieldProblems& problems) const;

private:
    std::map<std::string, std::string, std::less<>> values_;
};

} // namespace psm
