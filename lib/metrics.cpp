// SPDX-License-Identifier: BSD-2-Clause

#include "metrics.hpp"

#include "accept.hpp"
#include "text.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>

namespace psm {

namespace {

std::string lower_case(std::string_view text)
{
    std::string lower;
    for (const char c : text) {
        lower += to_lower(c);
    }
    return lower;
}

} // namespace

std::string value_name(const MetricFamily& family, std::size_t index)
{
    return family.value == nullptr ? std::string{}
                                   : lower_case(family.value(index));
}

std::string metric_number(std::uint64_t cell, MetricUnit unit)
{
    std::array<char, 48> text{};
    int length = 0;

    switch (unit) {
    case MetricUnit::one:
        return std::to_string(cell);
    case MetricUnit::milliseconds:
        length =
            std::snprintf(text.data(), text.size(), "%" PRIu64 ".%03" PRIu64,
                          cell / 1000, cell % 1000);
        break;
    case MetricUnit::microseconds:
        length =
            std::snprintf(text.data(), text.size(), "%" PRIu64 ".%06" PRIu64,
                          cell / 1000000, cell % 1000000);
        break;
    }

    // As short as it goes, but always with a fraction: "0.25", "1.0".
    std::string_view all(text.data(), static_cast<std::size_t>(length));
    while (all.ends_with('0') && all[all.size() - 2] != '.') {
        all.remove_suffix(1);
    }
    return std::string(all);
}

std::vector<std::uint64_t> sum_of(const MetricsReading& reading, std::size_t at,
                                  std::size_t count)
{
    std::vector<std::uint64_t> sums(count);
    for (const MetricsReading::Row& row : reading.rows) {
        for (std::size_t i = 0; i < count; i++) {
            sums[i] += row.cells[at + i];
        }
    }
    return sums;
}

std::string_view media_type(MetricsFormat format) noexcept
{
    switch (format) {
    case MetricsFormat::json:
        break;
    case MetricsFormat::prometheus:
        return "text/plain; version=0.0.4; charset=utf-8";
    case MetricsFormat::openmetrics:
        return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    }
    return "application/json";
}

/// Text only where it is wanted more than JSON.
MetricsFormat choose_format(std::string_view accept) noexcept
{
    const int json = quality_of(accept, "application/json");
    const int text = quality_of(accept, "text/plain");
    const int open = quality_of(accept, "application/openmetrics-text");

    if (open > json && open > text) {
        return MetricsFormat::openmetrics;
    }
    return text > json ? MetricsFormat::prometheus : MetricsFormat::json;
}

std::uint64_t layout_of(std::span<const MetricFamily> families) noexcept
{
    std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a
    const auto mix = [&hash](std::string_view text) noexcept {
        for (const char c : text) {
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        }
        hash = (hash ^ 0xff) * 0x100000001b3; // where a text ends
    };

    for (const MetricFamily& family : families) {
        mix(family.name);
        mix(family.label);
        for (const std::uint64_t word :
             {static_cast<std::uint64_t>(family.kind),
              static_cast<std::uint64_t>(family.unit),
              static_cast<std::uint64_t>(cells_of(family))}) {
            hash = (hash ^ word) * 0x100000001b3;
        }
        for (std::size_t i = 0; family.value && i < family.values; i++) {
            mix(family.value(i));
        }
        for (const std::uint64_t bound : family.bounds) {
            hash = (hash ^ bound) * 0x100000001b3;
        }
    }
    return hash;
}

} // namespace psm
