// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/clock_text.hpp"
#include "../../lib/problem.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace {

using psm::Reason;

constexpr std::string_view request_id = "0123456789abcdef0123456789abcdef";

std::string write(Reason reason, std::string_view id = request_id,
                  std::int64_t expires = psm::never_expires)
{
    std::array<char, psm::max_problem_size> out{};
    return std::string(psm::write_problem(reason, id, expires, out));
}

std::string text_of(const nlohmann::json& body, const char* key)
{
    return body.at(key).get<std::string>();
}

bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

void every_reason_is_a_small_json_object(void** /*state*/)
{
    for (std::size_t i = 0; i < psm::reason_count; i++) {
        const auto reason = static_cast<Reason>(i);
        const psm::ReasonInfo& row = psm::info(reason);
        const std::string text = write(reason, request_id, psm::max_time);
        check_that(row.code, text.size() < psm::max_problem_size);

        const auto body = nlohmann::json::parse(text, nullptr, false);
        check_that(row.code, body.is_object());
        check_equal(row.code, body.size(), 10);
        check_same(row.code, text_of(body, "type"), "about:blank");
        check_same(row.code, text_of(body, "title"), row.title);
        check_equal(row.code, body.at("status").get<int>(), row.status);
        check_same(row.code, text_of(body, "instance"),
                   "urn:psm:request:" + std::string(request_id));
        check_same(row.code, text_of(body, "reason"), row.title);
        check_that(row.code, contains(text_of(body, "message"), row.help));
        check_that(row.code, contains(text_of(body, "detail"), row.help));
        check_that(row.code, contains(text_of(body, "detail"), request_id));
        check_that(row.code, contains(text_of(body, "error"), row.title));
        check_that(row.code, contains(text_of(body, "error"), row.help));
        check_same(row.code, text_of(body, "code"), row.code);
        check_same(row.code, text_of(body, "request_id"), request_id);
    }
}

void expired_token_is_told_when(void** /*state*/)
{
    for (const std::int64_t time :
         {std::int64_t{0}, std::int64_t{1801353600}, psm::max_time}) {
        const std::string when = psm::format_time(time);
        const auto body = nlohmann::json::parse(
            write(Reason::token_expired, request_id, time));
        for (const char* key : {"detail", "message", "error"}) {
            check_that(key, contains(text_of(body, key), when));
        }
    }
    for (const std::int64_t time : {psm::never_expires, std::int64_t{-1}}) {
        const std::string text = write(Reason::token_expired, request_id, time);
        check_that("no time", !contains(text, "It expired at"));
    }
    const std::string other = write(Reason::token_disabled, request_id, 1);
    check_that("other reason", !contains(other, "1970"));
}

void request_id_is_hexadecimal_or_left_out(void** /*state*/)
{
    struct Case {
        std::string_view given;
        std::string_view kept;
    };

    static constexpr Case cases[] = {
        {"", ""},
        {"ABCDEF0123", "ABCDEF0123"},
        {"\",\"x\":\"", ""},
        {"<script>a1</script>\n", "ca1c"},
        {"12\x00\x80zz34", "12"},
        {"0123456789abcdef0123456789abcdefffff", request_id},
    };
    for (const Case& c : cases) {
        const auto body = nlohmann::json::parse(
            write(Reason::token_unknown, c.given), nullptr, false);
        check_that(c.given, body.is_object());
        check_same(c.given, text_of(body, "request_id"), c.kept);
    }
}

void writing_stops_at_the_end_of_the_buffer(void** /*state*/)
{
    const std::string whole = write(Reason::token_missing);
    for (std::size_t size = 0; size < whole.size(); size += 7) {
        std::string out(size + 1, '#');
        const auto written =
            psm::write_problem(Reason::token_missing, request_id,
                               psm::never_expires, {out.data(), size});
        check_same("part", written, std::string_view(whole).substr(0, size));
        check_equal("guard", out[size], '#');
    }
}

void texts_are_plain_ascii_without_quotes(void** /*state*/)
{
    for (const psm::ReasonInfo& row : psm::reasons) {
        for (const std::string_view text : {row.code, row.title, row.help}) {
            check_that(row.code, !text.empty() && text.size() <= 200);
            check_that(row.code, std::ranges::all_of(text, [](char c) {
                           return c >= ' ' && c <= '~' && c != '"' &&
                                  c != '\\' && c != '<' && c != '>' && c != '&';
                       }));
        }
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_a_small_json_object),
        cmocka_unit_test(expired_token_is_told_when),
        cmocka_unit_test(request_id_is_hexadecimal_or_left_out),
        cmocka_unit_test(writing_stops_at_the_end_of_the_buffer),
        cmocka_unit_test(texts_are_plain_ascii_without_quotes),
    };
    return cmocka_run_group_tests_name("problem", tests, nullptr, nullptr);
}
