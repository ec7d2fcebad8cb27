// SPDX-License-Identifier: BSD-2-Clause

#include "clock_text.hpp"

#include "record.hpp"
#include "text.hpp"

#include <charconv>
#include <chrono>

namespace psm {

namespace {

constexpr std::int64_t minute = 60;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

/// Writes `value` as `count` digits, with leading zeros.
constexpr char* put_digits(char* out, std::int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

/// Takes parts off the front of a text; once one is missing, all are.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}

    [[nodiscard]] bool good() const { return good_; }

    [[nodiscard]] bool at_end() const { return good_ && text_.empty(); }

    [[nodiscard]] bool is_next(char c) const
    {
        return good_ && !text_.empty() && to_lower(text_.front()) == c;
    }

    /// Exactly `count` digits, whose value is at most `max`.
    std::int64_t digits(std::size_t count, std::int64_t max)
    {
        std::int64_t value = 0;
        for (std::size_t i = 0; i < count; i++) {
            if (!good_ || i >= text_.size() || !is_digit(text_[i])) {
                good_ = false;
                return 0;
            }
            value = value * 10 + (text_[i] - '0');
        }
        text_.remove_prefix(count);
        good_ = value <= max;
        return value;
    }

    /// `c` is given in lower case and may stand in either.
    void expect(char c)
    {
        if (!is_next(c)) {
            good_ = false;
            return;
        }
        text_.remove_prefix(1);
    }

    /// One digit or more, whose value does not matter.
    void skip_digits()
    {
        std::size_t count = 0;
        while (count < text_.size() && is_digit(text_[count])) {
            count++;
        }
        good_ = good_ && count > 0;
        text_.remove_prefix(count);
    }

private:
    std::string_view text_;
    bool good_ = true;
};

/// Seconds of 00:00 UTC of the date.
std::int64_t parse_date(Cursor& in, bool& valid)
{
    const auto year = static_cast<int>(in.digits(4, 9999));
    in.expect('-');
    const auto month = static_cast<unsigned>(in.digits(2, 12));
    in.expect('-');
    const auto mday = static_cast<unsigned>(in.digits(2, 31));

    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month{month},
                                           std::chrono::day{mday}};
    valid = in.good() && date.ok();
    return valid ? std::chrono::sys_days{date}.time_since_epoch().count() * day
                 : 0;
}

/// "Z" or "+02:00": how many seconds local time is ahead of UTC.
std::int64_t parse_offset(Cursor& in)
{
    if (in.is_next('z')) {
        in.expect('z');
        return 0;
    }
    const bool behind = in.is_next('-');
    in.expect(behind ? '-' : '+');
    const std::int64_t hours = in.digits(2, 23);
    in.expect(':');
    const std::int64_t seconds = hours * hour + in.digits(2, 59) * minute;
    return behind ? -seconds : seconds;
}

} // namespace

std::array<char, time_length> time_text(std::int64_t time) noexcept
{
    const std::chrono::sys_days date{
        std::chrono::days{static_cast<int>(time / day)}};
    const std::chrono::year_month_day ymd{date};
    const std::int64_t second = time % day;

    std::array<char, time_length> text{};
    char* out = put_digits(text.data(), static_cast<int>(ymd.year()), 4);
    *out++ = '-';
    out = put_digits(out, static_cast<unsigned>(ymd.month()), 2);
    *out++ = '-';
    out = put_digits(out, static_cast<unsigned>(ymd.day()), 2);
    *out++ = 'T';
    out = put_digits(out, second / hour, 2);
    *out++ = ':';
    out = put_digits(out, second / minute % 60, 2);
    *out++ = ':';
    out = put_digits(out, second % 60, 2);
    *out = 'Z';
    return text;
}

std::string format_time(std::int64_t time)
{
    const auto text = time_text(time);
    return {text.data(), text.size()};
}

std::optional<std::int64_t> parse_time(std::string_view text)
{
    Cursor in(text);
    bool valid = false;
    std::int64_t time = parse_date(in, valid);
    if (!valid) {
        return std::nullopt;
    }
    if (!in.at_end()) {
        in.expect('t');
        time += in.digits(2, 23) * hour;
        in.expect(':');
        time += in.digits(2, 59) * minute;
        in.expect(':');
        const std::int64_t second = in.digits(2, 60);
        time += second;
        if (in.is_next('.')) {
            in.expect('.');
            in.skip_digits();
        }
        time -= parse_offset(in);
        // A leap second ends a day of UTC; unix time has no name for it but
        // that of the next.
        if (!in.at_end() || (second == 60 && time % day != 0)) {
            return std::nullopt;
        }
    }
    if (time < 0 || time > max_time) {
        return std::nullopt;
    }
    return time;
}

std::optional<std::int64_t> parse_duration(std::string_view text)
{
    struct Unit {
        char letter;
        std::int64_t seconds;
    };

    static constexpr Unit units[] = {{'s', 1},       {'m', minute},
                                     {'h', hour},    {'d', day},
                                     {'w', 7 * day}, {'y', 365 * day}};

    if (text.empty() || !is_digit(text.front())) {
        return std::nullopt; // from_chars would take a minus sign
    }
    std::int64_t count = 0;
    const char* const last = text.data() + text.size() - 1;
    const auto [end, error] = std::from_chars(text.data(), last, count);
    if (error != std::errc{} || end != last || count < 1) {
        return std::nullopt;
    }
    for (const Unit& unit : units) {
        if (*last == unit.letter) {
            return count <= max_time / unit.seconds
                       ? std::optional(count * unit.seconds)
                       : std::nullopt;
        }
    }
    return std::nullopt;
}

std::string format_duration(std::int64_t seconds)
{
    struct Unit {
        std::string_view name;
        std::int64_t seconds;
    };

    static constexpr Unit units[] = {
        {" day", day}, {" hour", hour}, {" minute", minute}, {" second", 1}};

    const std::int64_t left = seconds > 0 ? seconds : 0;
    const Unit* unit = units;
    while (unit->seconds > 1 && left < unit->seconds) {
        unit++;
    }
    const std::int64_t count = left / unit->seconds;
    std::string text = std::to_string(count);
    text += unit->name;
    if (count != 1) {
        text += 's';
    }
    return text;
}

} // namespace psm
