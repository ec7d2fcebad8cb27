// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/metrics_text.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <vector>

namespace {

using psm::MetricFamily;
using psm::MetricKind;
using psm::MetricsFormat;
using psm::MetricUnit;

constexpr std::array<std::string_view, 3> fruit{"", "APPLE", "a\"b\\c\nd"};
constexpr std::array<std::string_view, 2> states{"down", "up"};
constexpr std::array<std::uint64_t, 3> bounds{250, 1000, 1000000};

constexpr std::array<MetricFamily, 7> families{{
    {.name = "plain", .help = "One \\ two\nthree", .kind = MetricKind::counter},
    {.name = "by_fruit",
     .help = "Eaten",
     .kind = MetricKind::counter,
     .label = "fruit",
     .values = fruit.size(),
     .value = [](std::size_t i) { return fruit[i]; }},
    {.name = "delay_seconds",
     .help = "Waited",
     .kind = MetricKind::histogram,
     .unit = MetricUnit::microseconds,
     .bounds = bounds},
    {.name = "level", .help = "\"Stands\"", .kind = MetricKind::gauge},
    {.name = "room",
     .help = "Filled",
     .kind = MetricKind::gauge,
     .label = "state",
     .values = states.size(),
     .value = [](std::size_t i) { return states[i]; }},
    {.name = "mood",
     .help = "Is",
     .kind = MetricKind::state,
     .label = "state",
     .values = states.size(),
     .value = [](std::size_t i) { return states[i]; }},
    {.name = "rest_seconds",
     .help = "Since",
     .kind = MetricKind::age,
     .unit = MetricUnit::milliseconds},
}};

// One family behind the other.
const std::vector<std::uint64_t> one{5, 0, 2, 1,          // plain, by_fruit
                                     1, 2, 0, 1, 2500300, // delay
                                     7, 3, 4, 1, 1500};
const std::vector<std::uint64_t> two{1, 0, 3, 0, 0, 1, 1, 0, 40, 9, 8, 7, 0, 0};

const std::array<psm::MetricsReading::Row, 2> rows{
    {{.worker = 0, .alive = true, .cells = one},
     {.worker = 3, .alive = true, .cells = two}}};
const std::array<psm::MetricsReading::Row, 2> half{
    {{.worker = 0, .alive = true, .cells = one},
     {.worker = 3, .alive = false, .cells = two}}};

std::string write(MetricsFormat format,
                  std::span<const psm::MetricsReading::Row> from = rows)
{
    return psm::write_metrics({.families = families, .rows = from, .now = 4250},
                              format);
}

constexpr std::string_view prometheus =
    R"x(# HELP psm_token_plain_total One \\ two\nthree
# TYPE psm_token_plain_total counter
psm_token_plain_total 6
# HELP psm_token_by_fruit_total Eaten
# TYPE psm_token_by_fruit_total counter
psm_token_by_fruit_total{fruit="apple"} 5
psm_token_by_fruit_total{fruit="a\"b\\c\nd"} 1
# HELP psm_token_delay_seconds Waited
# TYPE psm_token_delay_seconds histogram
psm_token_delay_seconds_bucket{le="0.00025"} 1
psm_token_delay_seconds_bucket{le="0.001"} 4
psm_token_delay_seconds_bucket{le="1.0"} 5
psm_token_delay_seconds_bucket{le="+Inf"} 6
psm_token_delay_seconds_sum 2.50034
psm_token_delay_seconds_count 6
# HELP psm_token_level "Stands"
# TYPE psm_token_level gauge
psm_token_level{worker="0"} 7
psm_token_level{worker="3"} 9
# HELP psm_token_room Filled
# TYPE psm_token_room gauge
psm_token_room{worker="0",state="down"} 3
psm_token_room{worker="0",state="up"} 4
psm_token_room{worker="3",state="down"} 8
psm_token_room{worker="3",state="up"} 7
# HELP psm_token_mood Is
# TYPE psm_token_mood gauge
psm_token_mood{worker="0",state="down"} 0
psm_token_mood{worker="0",state="up"} 1
psm_token_mood{worker="3",state="down"} 1
psm_token_mood{worker="3",state="up"} 0
# HELP psm_token_rest_seconds Since
# TYPE psm_token_rest_seconds gauge
psm_token_rest_seconds{worker="0"} 2.75
)x";

void prometheus_text(void** /*state*/)
{
    check_same("all", write(MetricsFormat::prometheus), prometheus);
}

/// The same lines, but for the family's name above a counter, and an end.
void openmetrics_text(void** /*state*/)
{
    std::string expected(prometheus);
    for (const std::string_view name : {"plain", "by_fruit"}) {
        for (const std::string_view line : {"# HELP ", "# TYPE "}) {
            const std::string head =
                std::string(line) + "psm_token_" + std::string(name);
            const std::size_t at = expected.find(head + "_total");
            check_that(name, at != std::string::npos);
            expected.erase(at + head.size(), 6);
        }
    }
    expected.replace(expected.find("\"Stands\""), 8, R"(\"Stands\")");
    check_same("all", write(MetricsFormat::openmetrics), expected + "# EOF\n");
}

void json_text(void** /*state*/)
{
    const auto json = nlohmann::json::parse(write(MetricsFormat::json));
    const auto expected = nlohmann::json::parse(R"x({
        "plain": 6,
        "by_fruit": {"apple": 5, "a\"b\\c\nd": 1},
        "delay_seconds": {"buckets": {"0.00025": 1, "0.001": 4, "1.0": 5,
                                      "+Inf": 6},
                          "sum": 2.50034, "count": 6},
        "workers": [
            {"worker": 0, "level": 7, "room": {"down": 3, "up": 4},
             "mood": "up", "rest_seconds": 2.75},
            {"worker": 3, "level": 9, "room": {"down": 8, "up": 7},
             "mood": "down", "rest_seconds": null}
        ]})x");
    check_same("all", json.dump(), expected.dump());
}

/// A worker that is gone has counted, but has no gauges.
void dead_worker(void** /*state*/)
{
    const auto json = nlohmann::json::parse(write(MetricsFormat::json, half));
    check_equal("sum", json.at("plain").get<int>(), 6);
    check_equal("workers", json.at("workers").size(), 1);
    check_that("lines",
               write(MetricsFormat::prometheus, half).find("worker=\"3\"") ==
                   std::string::npos);
}

void no_worker(void** /*state*/)
{
    const auto json = nlohmann::json::parse(write(MetricsFormat::json, {}));
    check_equal("sum", json.at("plain").get<int>(), 0);
    check_that("workers", json.at("workers").empty());
    check_that("lines",
               write(MetricsFormat::prometheus, {})
                       .find("psm_token_plain_total 0\n") != std::string::npos);
}

/// What memory holds by an accident is shown, not followed.
void odd_cells(void** /*state*/)
{
    const std::vector<std::uint64_t> cells(one.size(), UINT64_MAX);
    const std::array<psm::MetricsReading::Row, 1> odd{
        {{.worker = 0, .alive = true, .cells = cells}}};
    const auto json = nlohmann::json::parse(write(MetricsFormat::json, odd));

    check_that("state", json.at("workers").at(0).at("mood").is_null());
    check_that("age in the future",
               json.at("workers").at(0).at("rest_seconds") == 0.0);
    check_that("text",
               write(MetricsFormat::prometheus, odd)
                       .find("psm_token_rest_seconds{worker=\"0\"} 0.0\n") !=
                   std::string::npos);
}

struct Choice {
    std::string_view accept;
    MetricsFormat format;
};

constexpr Choice choices[] = {
    {"", MetricsFormat::json},
    {"*/*", MetricsFormat::json},
    {"application/json", MetricsFormat::json},
    {"application/json, text/plain", MetricsFormat::json},
    {"image/png", MetricsFormat::json},
    {"text/html,application/xhtml+xml,*/*;q=0.8", MetricsFormat::json},
    {"text/plain", MetricsFormat::prometheus},
    {"text/*", MetricsFormat::prometheus},
    {"text/plain, */*;q=0.1", MetricsFormat::prometheus},
    {"application/json;q=0.5, text/plain;q=0.6", MetricsFormat::prometheus},
    {"application/json;q=0.6, text/plain;q=0.5", MetricsFormat::json},
    {"text/plain, application/openmetrics-text", MetricsFormat::prometheus},
    {"application/openmetrics-text", MetricsFormat::openmetrics},
    {"application/openmetrics-text;q=0.5, */*;q=0.1",
     MetricsFormat::openmetrics},
    // what Prometheus 2 and 3 send
    {"application/openmetrics-text;version=1.0.0,"
     "application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     MetricsFormat::openmetrics},
    {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
     "application/openmetrics-text;version=0.0.1;q=0.5,"
     "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
     "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
     MetricsFormat::openmetrics},
    {"text/plain;version=0.0.4;q=1,*/*;q=0.1", MetricsFormat::prometheus},
};

void format_by_accept(void** /*state*/)
{
    for (const Choice& c : choices) {
        check_equal(c.accept, psm::choose_format(c.accept), c.format);
    }
}

/// Whatever changes what a cell means changes the layout; what people read
/// about it does not.
void layout(void** /*state*/)
{
    const auto changed = [](auto change) {
        auto other = families;
        change(other);
        return psm::layout_of(other) != psm::layout_of(families);
    };

    check_that("the same", !changed([](auto&) {}));
    check_that("help", !changed([](auto& f) { f[0].help = "else"; }));
    check_that("name", changed([](auto& f) { f[0].name = "plaim"; }));
    check_that("kind", changed([](auto& f) { f[3].kind = MetricKind::age; }));
    check_that("unit", changed([](auto& f) { f[6].unit = MetricUnit::one; }));
    check_that("label", changed([](auto& f) { f[1].label = "food"; }));
    check_that("count", changed([](auto& f) { f[1].values = 2; }));
    check_that("order", changed([](auto& f) { std::swap(f[4], f[5]); }));
    check_that("values", changed([](auto& f) {
                   f[4].value = [](std::size_t i) { return states[1 - i]; };
               }));
    check_that("bounds", changed([](auto& f) {
                   static constexpr std::array<std::uint64_t, 3> more{250, 1000,
                                                                      1000001};
                   f[2].bounds = more;
               }));
    // "ab" and "c" are not "a" and "bc"
    check_that("borders", changed([](auto& f) {
                   f[1].name = "by_fruitf";
                   f[1].label = "ruit";
               }));
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_text),  cmocka_unit_test(openmetrics_text),
        cmocka_unit_test(json_text),        cmocka_unit_test(dead_worker),
        cmocka_unit_test(no_worker),        cmocka_unit_test(odd_cells),
        cmocka_unit_test(format_by_accept), cmocka_unit_test(layout),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
