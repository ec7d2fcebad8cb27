// SPDX-License-Identifier: BSD-2-Clause
//
// Counters at the top, gauges by worker. A histogram's buckets are cumulative,
// as in Prometheus' text.

#include "metrics_text.hpp"

#include <nlohmann/json.hpp>

namespace psm {

namespace {

using Json = nlohmann::ordered_json;
using Cells = std::span<const std::uint64_t>;
using Row = MetricsReading::Row;

Json json_number(std::uint64_t cell, MetricUnit unit)
{
    switch (unit) {
    case MetricUnit::one:
        return cell;
    case MetricUnit::microseconds:
        return static_cast<double>(cell) / 1e6;
    case MetricUnit::milliseconds:
        return static_cast<double>(cell) / 1e3;
    }
    return nullptr;
}

/// A number, or an object with one number per value of the label.
Json json_numbers(const MetricFamily& family, Cells cells)
{
    if (family.label.empty()) {
        return json_number(cells[0], family.unit);
    }

    Json object = Json::object();
    for (std::size_t i = 0; i < family.values; i++) {
        if (const std::string value = value_name(family, i); !value.empty()) {
            object[value] = json_number(cells[i], family.unit);
        }
    }
    return object;
}

Json json_histogram(const MetricFamily& family, Cells cells)
{
    Json buckets = Json::object();
    std::uint64_t count = 0;

    for (std::size_t i = 0; i < family.bounds.size(); i++) {
        count += cells[i];
        buckets[metric_number(family.bounds[i], family.unit)] = count;
    }
    count += cells[family.bounds.size()];
    buckets["+Inf"] = count;
    return {{"buckets", buckets},
            {"sum", json_number(cells.back(), family.unit)},
            {"count", count}};
}

Json json_gauge(const MetricFamily& family, Cells cells, std::uint64_t now)
{
    switch (family.kind) {
    case MetricKind::state:
        return cells[0] < family.values ? Json(value_name(family, cells[0]))
                                        : Json(nullptr);
    case MetricKind::age:
        return cells[0] == 0 ? Json(nullptr)
                             : json_number(now > cells[0] ? now - cells[0] : 0,
                                           family.unit);
    case MetricKind::counter:
    case MetricKind::histogram:
    case MetricKind::gauge:
        break;
    }
    return json_numbers(family, cells);
}

} // namespace

std::string write_metrics_json(const MetricsReading& reading)
{
    Json workers = Json::array();
    for (const Row& row : reading.rows) {
        if (row.alive) {
            workers.push_back({{"worker", row.worker}});
        }
    }

    Json all = Json::object();
    std::size_t at = 0;
    for (const MetricFamily& family : reading.families) {
        const std::string name(family.name);
        const std::size_t count = cells_of(family);

        if (family.kind == MetricKind::counter) {
            all[name] = json_numbers(family, sum_of(reading, at, count));
        } else if (family.kind == MetricKind::histogram) {
            all[name] = json_histogram(family, sum_of(reading, at, count));
        } else {
            std::size_t i = 0;
            for (const Row& row : reading.rows) {
                if (row.alive) {
                    workers[i++][name] = json_gauge(
                        family, row.cells.subspan(at, count), reading.now);
                }
            }
        }
        at += count;
    }
    all["workers"] = std::move(workers);
    return all.dump(1, '\t') + '\n';
}

} // namespace psm
