// SPDX-License-Identifier: BSD-2-Clause
//
// Counts, and what they are called in text: JSON for people and scripts, and
// the two formats that Prometheus reads. What there is to count is told by
// families, which stand in one table of the caller's; the counts are cells,
// those of one family behind one another, family after family, one row of cells
// per worker.
//
// Nothing here is meant for a hot path: everything allocates, and may throw
// std::bad_alloc.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

/// What every name begins with in Prometheus' formats.
inline constexpr std::string_view metric_prefix = "psm_token_";

enum class MetricKind : std::uint8_t {
    counter,   // only grows; all workers' together
    histogram, // the same; a cell per bucket, one above the last, the sum
    gauge,     // stands; each worker's by itself
    state,     // a gauge that is one of the label's values
    age,       // a gauge that holds when something was; 0: never
};

/// What a cell counts. Times are written in seconds.
enum class MetricUnit : std::uint8_t { one, microseconds, milliseconds };

struct MetricFamily {
    std::string_view name; // the key in JSON; without prefix and "_total"
    std::string_view help;
    MetricKind kind{};
    MetricUnit unit = MetricUnit::one;
    std::string_view label{}; // empty: the family is one number
    /// How many values the label has, and which, in whatever case: they are
    /// written in lower case. An empty one is left out.
    std::size_t values = 1;
    std::string_view (*value)(std::size_t index) = nullptr;
    /// Of a histogram: the upper ends of its buckets, in `unit`, ascending.
    std::span<const std::uint64_t> bounds{};
};

[[nodiscard]] constexpr std::size_t cells_of(const MetricFamily& family)
{
    switch (family.kind) {
    case MetricKind::counter:
    case MetricKind::gauge:
        return family.values;
    case MetricKind::histogram:
        return family.bounds.size() + 2;
    case MetricKind::state:
    case MetricKind::age:
        break;
    }
    return 1;
}

/// The counts at one moment.
struct MetricsReading {
    struct Row {
        std::size_t worker = 0;
        bool alive = false; // its gauges mean something
        std::span<const std::uint64_t> cells;
    };

    std::span<const MetricFamily> families;
    std::span<const Row> rows;
    std::uint64_t now = 0; // on the clock of MetricKind::age, in its unit
};

/// The values of a label as they are written; empty: none, leave it out.
[[nodiscard]] std::string value_name(const MetricFamily& family,
                                     std::size_t index);

/// A cell in the unit that is written: "7", "0.25", "1.0".
[[nodiscard]] std::string metric_number(std::uint64_t cell, MetricUnit unit);

/// `count` cells from `at` on, each the sum of all workers'.
[[nodiscard]] std::vector<std::uint64_t>
sum_of(const MetricsReading& reading, std::size_t at, std::size_t count);

enum class MetricsFormat : std::uint8_t { json, prometheus, openmetrics };

[[nodiscard]] std::string_view media_type(MetricsFormat format) noexcept;

/// What the value of an Accept header (RFC 9110, several lines joined by
/// commas) prefers. JSON when it does not matter: no header, "*/*", a tie
/// between it and text, or nothing that we have.
[[nodiscard]] MetricsFormat choose_format(std::string_view accept) noexcept;

/// A number that differs, but for chance, when the cells mean something else.
[[nodiscard]] std::uint64_t
layout_of(std::span<const MetricFamily> families) noexcept;

} // namespace psm
