// SPDX-License-Identifier: BSD-2-Clause
//
// A histogram's cells hold each observation once; Prometheus wants them
// cumulative, and its count is the last of those, so that the two agree
// whatever is counted meanwhile.

#include "metrics_text.hpp"

#include <utility>

namespace psm {

namespace {

using Cells = std::span<const std::uint64_t>;
using Row = MetricsReading::Row;

bool per_worker(const MetricFamily& family)
{
    return family.kind != MetricKind::counter &&
           family.kind != MetricKind::histogram;
}

/// Of help, the older format escapes no quotes.
std::string escape(std::string_view text, bool quotes = true)
{
    std::string escaped;
    for (const char c : text) {
        if (c == '\\' || (quotes && c == '"')) {
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
            const auto cells = sum_of(reading_, at, cells_of(family));
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

        out_ +=
            "# HELP " + name + ' ' + escape(family.help, openmetrics_) + '\n';
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
            write_line("_total", {}, metric_number(cells[0], family.unit));
            return;
        }
        for (std::size_t i = 0; i < family.values; i++) {
            if (const std::string value = value_name(family, i);
                !value.empty()) {
                write_line("_total", pair(family.label, value),
                           metric_number(cells[i], family.unit));
            }
        }
    }

    void write_histogram(const MetricFamily& family, Cells cells)
    {
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < family.bounds.size(); i++) {
            count += cells[i];
            write_line("_bucket",
                       pair("le", metric_number(family.bounds[i], family.unit)),
                       std::to_string(count));
        }
        count += cells[family.bounds.size()];
        write_line("_bucket", pair("le", "+Inf"), std::to_string(count));
        write_line("_sum", {}, metric_number(cells.back(), family.unit));
        write_line("_count", {}, std::to_string(count));
    }

    void write_gauges(const MetricFamily& family, std::size_t worker,
                      Cells cells)
    {
        const std::string who = pair("worker", std::to_string(worker));

        if (family.kind == MetricKind::age) {
            if (cells[0] != 0) {
                write_line({}, who, metric_number(age(cells[0]), family.unit));
            }
            return;
        }
        if (family.label.empty()) {
            write_line({}, who, metric_number(cells[0], family.unit));
            return;
        }
        for (std::size_t i = 0; i < family.values; i++) {
            const std::string labels =
                who + ',' + pair(family.label, value_name(family, i));
            write_line({}, labels,
                       family.kind == MetricKind::state
                           ? (cells[0] == i ? "1" : "0")
                           : metric_number(cells[i], family.unit));
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

} // namespace

std::string write_metrics(const MetricsReading& reading, MetricsFormat format)
{
    if (format == MetricsFormat::json) {
        return write_metrics_json(reading);
    }
    return Prometheus(reading, format == MetricsFormat::openmetrics).write();
}

} // namespace psm
