// SPDX-License-Identifier: BSD-2-Clause
//
// Both forms walk the same table. A histogram's cells hold each observation
// once; Prometheus wants them cumulative, and its count is the last of those,
// so that the two agree whatever is counted meanwhile.

#include "metrics_text.hpp"

#include "accept.hpp"
#include "text.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <vector>

namespace psm {

namespace {

using Json = nlohmann::ordered_json;
using Cells = std::span<const std::uint64_t>;
using Row = MetricsReading::Row;

bool per_worker(const MetricFamily& family)
{
    return family.kind != MetricKind::counter &&
           family.kind != MetricKind::histogram;
}

std::string lower_case(std::string_view text)
{
    std::string lower;
    for (const char c : text) {
        lower += to_lower(c);
    }
    return lower;
}

std::string value_name(const MetricFamily& family, std::size_t index)
{
    return family.value == nullptr ? std::string{}
                                   : lower_case(family.value(index));
}

/// `cell` in the unit that is written.
std::string number(std::uint64_t cell, MetricUnit unit)
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

/// One family's cells, the sum of all workers'.
std::vector<std::uint64_t> sum(const MetricsReading& reading, std::size_t at,
                               std::size_t count)
{
    std::vector<std::uint64_t> sums(count);
    for (const Row& row : reading.rows) {
        for (std::size_t i = 0; i < count; i++) {
            sums[i] += row.cells[at + i];
        }
    }
    return sums;
}

// ------------------------------------------------------------- Prometheus ---

std::string escape(std::string_view text)
{
    std::string escaped;
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            escaped += '\\';
        }
        if (c == '\n') {
            escaped += "\\n";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

class Prometheus {
public:
    Prometheus(const MetricsReading& reading, bool openmetrics)
        : reading_(reading), openmetrics_(openmetrics)
    {
    }

    std::string write()
    {
        std::size_t at = 0;
        for (const MetricFamily& family : reading_.families) {
            write_family(family, at);
            at += cells_of(family);
        }
        if (openmetrics_) {
            out_ += "# EOF\n";
        }
        return std::move(out_);
    }

private:
    void write_family(const MetricFamily& family, std::size_t at)
    {
        name_ = std::string(metric_prefix) + std::string(family.name);
        write_head(family);

        if (!per_worker(family)) {
            const auto cells = sum(reading_, at, cells_of(family));
            if (family.kind == MetricKind::histogram) {
                write_histogram(family, cells);
            } else {
                write_counters(family, cells);
            }
            return;
        }
        for (const Row& row : reading_.rows) {
            if (row.alive) {
                write_gauges(family, row.worker,
                             row.cells.subspan(at, cells_of(family)));
            }
        }
    }

    /// OpenMetrics names the family, the older format the counter.
    void write_head(const MetricFamily& family)
    {
        const bool counter = family.kind == MetricKind::counter;
        const std::string name =
            name_ + (counter && !openmetrics_ ? "_total" : "");

        out_ += "# HELP " + name + ' ' + escape(family.help) + '\n';
        out_ += "# TYPE " + name +
                (counter                                ? " counter\n"
                 : family.kind == MetricKind::histogram ? " histogram\n"
                                                        : " gauge\n");
    }

    void write_line(std::string_view suffix, const std::string& labels,
                    const std::string& value)
    {
        out_ += name_;
        out_ += suffix;
        if (!labels.empty()) {
            out_ += '{' + labels + '}';
        }
        out_ += ' ' + value + '\n';
    }

    static std::string pair(std::string_view label, std::string_view value)
    {
        return std::string(label) + "=\"" + escape(value) + '"';
    }

    void write_counters(const MetricFamily& family, Cells cells)
    {
        if (family.label.empty()) {
            write_line("_total", {}, number(cells[0], family.unit));
            return;
        }
        for (std::size_t i = 0; i < family.values; i++) {
            if (const std::string value = value_name(family, i);
                !value.empty()) {
                write_line("_total", pair(family.label, value),
                           number(cells[i], family.unit));
            }
        }
    }

    void write_histogram(const MetricFamily& family, Cells cells)
    {
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < family.bounds.size(); i++) {
            count += cells[i];
            write_line("_bucket",
                       pair("le", number(family.bounds[i], family.unit)),
                       std::to_string(count));
        }
        count += cells[family.bounds.size()];
        write_line("_bucket", pair("le", "+Inf"), std::to_string(count));
        write_line("_sum", {}, number(cells.back(), family.unit));
        write_line("_count", {}, std::to_string(count));
    }

    void write_gauges(const MetricFamily& family, std::size_t worker,
                      Cells cells)
    {
        const std::string who = pair("worker", std::to_string(worker));

        if (family.kind == MetricKind::age) {
            if (cells[0] != 0) {
                write_line({}, who, number(age(cells[0]), family.unit));
            }
            return;
        }
        if (family.label.empty()) {
            write_line({}, who, number(cells[0], family.unit));
            return;
        }
        for (std::size_t i = 0; i < family.values; i++) {
            const std::string labels =
                who + ',' + pair(family.label, value_name(family, i));
            write_line({}, labels,
                       family.kind == MetricKind::state
                           ? (cells[0] == i ? "1" : "0")
                           : number(cells[i], family.unit));
        }
    }

    [[nodiscard]] std::uint64_t age(std::uint64_t since) const
    {
        return reading_.now > since ? reading_.now - since : 0;
    }

    const MetricsReading& reading_;
    bool openmetrics_;
    std::string name_; // of the family at hand
    std::string out_;
};

// ------------------------------------------------------------------- JSON ---

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
        buckets[number(family.bounds[i], family.unit)] = count;
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

std::string write_json(const MetricsReading& reading)
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
            all[name] = json_numbers(family, sum(reading, at, count));
        } else if (family.kind == MetricKind::histogram) {
            all[name] = json_histogram(family, sum(reading, at, count));
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

} // namespace

std::string write_metrics(const MetricsReading& reading, MetricsFormat format)
{
    if (format == MetricsFormat::json) {
        return write_json(reading);
    }
    return Prometheus(reading, format == MetricsFormat::openmetrics).write();
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
