// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/clock_text.hpp"
#include "../../lib/record.hpp"

#include <ctime>
#include <string>

namespace {

struct TimeCase {
    std::string_view text;
    std::int64_t time;
};

void times_are_written_in_utc(void** /*state*/)
{
    static constexpr TimeCase cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T23:59:59Z", 86399},
        {"2000-02-29T12:34:56Z", 951827696},
        {"2027-01-31T00:00:00Z", 1801353600},
        {"2026-12-20T13:33:20Z", 1797773600},
        {"9999-12-31T23:59:59Z", psm::max_time},
    };
    for (const TimeCase& c : cases) {
        check_same(c.text, psm::format_time(c.time), c.text);
        const auto text = psm::time_text(c.time);
        check_same(c.text, std::string_view(text.data(), text.size()), c.text);
        const auto parsed = psm::parse_time(c.text);
        check_that(c.text, parsed.has_value());
        check_equal(c.text, *parsed, c.time);
    }
}

void every_day_agrees_with_the_c_library(void** /*state*/)
{
    constexpr std::int64_t step = 86400 * 13 + 4567;
    for (std::int64_t time = 0; time <= psm::max_time; time += step) {
        const auto seconds = static_cast<std::time_t>(time);
        std::tm parts{};
        gmtime_r(&seconds, &parts);
        char expected[32];
        const std::size_t length = std::strftime(expected, sizeof expected,
                                                 "%Y-%m-%dT%H:%M:%SZ", &parts);
        const std::string text = psm::format_time(time);
        check_same("day", text, std::string_view(expected, length));
        check_equal(text, psm::parse_time(text).value_or(-1), time);
    }
}

void other_forms_of_rfc_3339_are_read(void** /*state*/)
{
    static constexpr TimeCase cases[] = {
        {"2027-01-31", 1801353600},
        {"1970-01-01", 0},
        {"2027-01-31t00:00:00z", 1801353600},
        {"2027-01-31T02:00:00+02:00", 1801353600},
        {"2027-01-30T18:30:00-05:30", 1801353600},
        {"2027-01-31T00:00:00-00:00", 1801353600},
        {"2027-01-31T00:00:00.999999Z", 1801353600},
        {"2027-01-31T00:00:00.5+00:00", 1801353600},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"2017-01-01T00:59:60+01:00", 1483228800},
        {"1969-12-31T23:00:00-01:00", 0},
        {"2028-02-29", 1835395200},
    };
    for (const TimeCase& c : cases) {
        check_equal(c.text, psm::parse_time(c.text).value_or(-1), c.time);
    }
}

void anything_else_is_no_time(void** /*state*/)
{
    for (const std::string_view text : {"",
                                        "never",
                                        "0",
                                        "1801353600",
                                        "2027",
                                        "2027-01",
                                        "2027-1-31",
                                        "27-01-31",
                                        "2027-01-32",
                                        "2027-02-29",
                                        "2027-13-01",
                                        "2027-00-01",
                                        "2027-01-00",
                                        "2027/01/31",
                                        " 2027-01-31",
                                        "2027-01-31 ",
                                        "2027-01-31T",
                                        "2027-01-31Z",
                                        "2027-01-31T00:00Z",
                                        "2027-01-31T00:00:00",
                                        "2027-01-31 00:00:00Z",
                                        "2027-01-31T24:00:00Z",
                                        "2027-01-31T00:60:00Z",
                                        "2027-01-31T00:00:61Z",
                                        "2027-01-31T00:00:60Z",
                                        "2027-01-31T00:00:00.Z",
                                        "2027-01-31T00:00:00ZZ",
                                        "2027-01-31T00:00:00+0200",
                                        "2027-01-31T00:00:00+02",
                                        "2027-01-31T00:00:00+24:00",
                                        "2027-01-31T00:00:00+02:60",
                                        "2027-01-31T00:00:00*02:00",
                                        "-027-01-31",
                                        "+2027-01-31",
                                        "1969-12-31",
                                        "1970-01-01T00:30:00+01:00",
                                        "9999-12-31T23:59:59-01:00",
                                        "10000-01-01"}) {
        check_that(text, !psm::parse_time(text).has_value());
    }
}

void durations_have_one_unit(void** /*state*/)
{
    static constexpr TimeCase cases[] = {
        {"1s", 1},        {"90s", 90},     {"15m", 900},     {"12h", 43200},
        {"30d", 2592000}, {"2w", 1209600}, {"1y", 31536000}, {"030d", 2592000},
    };
    for (const TimeCase& c : cases) {
        check_equal(c.text, psm::parse_duration(c.text).value_or(-1), c.time);
    }
    for (const std::string_view text :
         {"", "s", "30", "0s", "0d", "-1d", "+1d", "1.5h", "1 d", " 1d", "1d ",
          "1D", "1x", "1dd", "1d2h", "0x1s", "99999999999999999999d",
          "9223372036854775807s", "8036y"}) {
        check_that(text, !psm::parse_duration(text).has_value());
    }
    check_that("longest", psm::parse_duration("8035y").has_value());
}

void durations_are_told_in_one_unit(void** /*state*/)
{
    static constexpr TimeCase cases[] = {
        {"0 seconds", 0},
        {"0 seconds", -5},
        {"1 second", 1},
        {"59 seconds", 59},
        {"1 minute", 60},
        {"1 minute", 119},
        {"59 minutes", 3599},
        {"1 hour", 3600},
        {"23 hours", 86399},
        {"1 day", 86400},
        {"12 days", 12 * 86400 + 80000},
        {"365 days", 31536000},
    };
    for (const TimeCase& c : cases) {
        check_same(c.text, psm::format_duration(c.time), c.text);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(other_forms_of_rfc_3339_are_read),
        cmocka_unit_test(anything_else_is_no_time),
        cmocka_unit_test(durations_have_one_unit),
        cmocka_unit_test(durations_are_told_in_one_unit),
    };
    return cmocka_run_group_tests_name("clock_text", tests, nullptr, nullptr);
}
