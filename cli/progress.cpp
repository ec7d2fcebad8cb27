// SPDX-License-Identifier: BSD-2-Clause

#include "progress.hpp"

#include "output.hpp"
#include "redis_socket.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace psm::cli {

namespace {

constexpr std::int64_t first_ms = 500;
constexpr std::int64_t interval_ms = 100;
constexpr std::size_t min_bar = 10;
constexpr std::size_t max_bar = 40;

void write(std::string_view text)
{
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
    static_cast<void>(std::fflush(stderr));
}

/// "1,234,567".
std::string with_commas(std::uint64_t number)
{
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

std::string two_digits(std::uint64_t number)
{
    return (number < 10 ? "0" : "") + std::to_string(number);
}

/// "1:02:03", "0:07".
std::string clock(std::uint64_t seconds)
{
    const std::uint64_t minutes = seconds / 60;
    const std::string end = ":" + two_digits(seconds % 60);
    return minutes < 60 ? std::to_string(minutes) + end
                        : std::to_string(minutes / 60) + ":" +
                              two_digits(minutes % 60) + end;
}

std::string bar(std::size_t width, double part)
{
    const auto full = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) *
                                               static_cast<double>(width));
    return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
}

} // namespace

Progress::Progress(std::string what, std::optional<std::uint64_t> total)
    : what_(std::move(what)), total_(total), begin_(now_ms()),
      next_(begin_ + first_ms), on_terminal_(isatty(STDERR_FILENO) != 0)
{
}

Progress::~Progress()
{
    hide();
}

void Progress::advance(std::uint64_t count)
{
    done_ += count;
    if (const std::int64_t now = now_ms(); on_terminal_ && now >= next_) {
        draw(now);
    }
}

void Progress::hide()
{
    if (shown_) {
        write("\r\x1b[K");
        shown_ = false;
    }
}

void Progress::draw(std::int64_t now)
{
    // The last columns stay free: some terminals begin a new line behind the
    // last one, and they show Ctrl-C as ^C.
    constexpr std::size_t free = 4;
    const std::size_t columns = terminal_width(STDERR_FILENO).value_or(80);
    const std::size_t width = columns > free ? columns - free : 1;
    write("\r" + text(width, now).substr(0, width) + "\x1b[K");
    shown_ = true;
    next_ = now + interval_ms;
}

/// What does not fit is left out, the bar first.
std::string Progress::text(std::size_t width, std::int64_t now) const
{
    const double seconds =
        static_cast<double>(std::max<std::int64_t>(now - begin_, 1)) / 1000;
    const double rate = static_cast<double>(done_) / seconds;
    std::string count = what_ + " " + with_commas(done_);
    std::string speed =
        "  " + with_commas(static_cast<std::uint64_t>(rate)) + "/s";
    if (!total_) {
        return count.size() + speed.size() <= width ? count + speed : count;
    }
    count += " of " + with_commas(*total_);
    const std::uint64_t left = *total_ > done_ ? *total_ - done_ : 0;
    if (rate > 0) {
        speed += "  " +
                 clock(static_cast<std::uint64_t>(static_cast<double>(left) /
                                                  rate)) +
                 " left";
    }
    if (count.size() + speed.size() > width) {
        return count;
    }
    const std::size_t used = count.size() + speed.size() + 4;
    if (used + min_bar > width || *total_ == 0) {
        return count + speed;
    }
    return count + "  " +
           bar(std::min(width - used, max_bar),
               static_cast<double>(done_) / static_cast<double>(*total_)) +
           speed;
}

} // namespace psm::cli
