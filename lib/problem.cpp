// SPDX-License-Identifier: BSD-2-Clause
//
// No JSON library here: denials must be cheap and cannot fail, and all that
// varies is a number, hexadecimal digits and a date. The texts are those of
// the table of reasons, which hold nothing that JSON would escape (a test
// parses every body). The writer stops at the end of its buffer.

#include "problem.hpp"

#include "clock_text.hpp"
#include "record.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>

namespace psm {

namespace {

constexpr std::size_t max_request_id = 32;

class Writer {
public:
    explicit Writer(std::span<char> out) noexcept : out_(out) {}

    Writer& operator<<(std::string_view text) noexcept
    {
        const std::size_t length = std::min(text.size(), out_.size() - used_);
        std::copy_n(text.begin(), length,
                    out_.begin() + static_cast<std::ptrdiff_t>(used_));
        used_ += length;
        return *this;
    }

    [[nodiscard]] std::string_view written() const noexcept
    {
        return {out_.data(), used_};
    }

private:
    std::span<char> out_;
    std::size_t used_ = 0;
};

/// The hexadecimal digits of `text`.
std::string_view keep_hex(std::string_view text,
                          std::array<char, max_request_id>& buffer) noexcept
{
    std::size_t used = 0;
    for (const char c : text) {
        if (hex_value(c) >= 0 && used < buffer.size()) {
            buffer[used++] = c;
        }
    }
    return {buffer.data(), used};
}

} // namespace

std::string_view write_problem(Reason reason, std::string_view request_id,
                               std::int64_t expires,
                               std::span<char> out) noexcept
{
    const ReasonInfo& row = info(reason);
    std::array<char, max_request_id> id_buffer{};
    const std::string_view id = keep_hex(request_id, id_buffer);
    const std::array<char, 3> status{
        static_cast<char>('0' + row.status / 100),
        static_cast<char>('0' + row.status / 10 % 10),
        static_cast<char>('0' + row.status % 10)};

    std::array<char, time_length> time{};
    const bool tells_time =
        reason == Reason::token_expired && expires >= 0 && expires <= max_time;
    if (tells_time) {
        time = time_text(expires);
    }
    const auto help = [&](Writer& to) noexcept {
        if (tells_time) {
            to << "It expired at " << std::string_view(time.data(), time.size())
               << ". ";
        }
        to << row.help;
    };

    Writer to(out);
    to << R"({"type":"about:blank","title":")" << row.title << R"(","status":)"
       << std::string_view(status.data(), status.size()) << R"(,"detail":")";
    help(to);
    to << " (request " << id << R"x()","instance":"urn:psm:request:)x" << id
       << R"(","reason":")" << row.title << R"(","message":")";
    help(to);
    to << R"(","error":")" << row.title << ". ";
    help(to);
    to << R"(","code":")" << row.code << R"(","request_id":")" << id << R"("})";
    return to.written();
}

std::string_view challenge(bool token_came) noexcept
{
    return token_came ? R"(Bearer realm="psm", error="invalid_token")"
                      : R"(Bearer realm="psm")";
}

} // namespace psm
