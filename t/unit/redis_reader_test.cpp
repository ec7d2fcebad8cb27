// SPDX-License-Identifier: BSD-2-Clause
//
// What a hostile or broken peer can send.

#include "check.hpp"

#include "../../lib/redis_reader.hpp"

#include <string>
#include <vector>

namespace {

using psm::RedisReader;
using psm::RedisReply;
using psm::RedisType;

constexpr std::size_t max_reply = 1024;
constexpr std::size_t max_elements = 8;
constexpr std::size_t at_once = std::size_t{1} << 22;

std::string bulk(std::string_view text)
{
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) +
           "\r\n";
}

/// One reply as text: its type's sign and its value; elements follow.
std::string describe(const RedisReply& reply)
{
    std::string text;
    switch (reply.type) {
    case RedisType::nil:
        return "_";
    case RedisType::string:
        return "$" + std::string(reply.text);
    case RedisType::status:
        return "+" + std::string(reply.text);
    case RedisType::error:
        return "-" + std::string(reply.text);
    case RedisType::integer:
        return ":" + std::to_string(reply.integer);
    case RedisType::array:
        text = "*" + std::to_string(reply.integer);
        for (const RedisReply& element : reply.elements) {
            text += " " + describe(element);
        }
        return text;
    }
    return "?";
}

/// The replies in `bytes`, fed `step` at a time, each followed by ";".
std::string read_all(RedisReader& reader, std::string_view bytes,
                     std::size_t step)
{
    std::string heard;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        reader.feed(bytes.substr(at, step));
        while (const RedisReply* const reply = reader.next()) {
            heard += describe(*reply) + ";";
        }
        if (!reader.error().empty()) {
            break;
        }
    }
    return heard;
}

struct Hostile {
    std::string_view label;
    std::string bytes;
    std::string_view error{}; // must be in the message
};

void check_hostile(const std::vector<Hostile>& cases)
{
    for (const Hostile& c : cases) {
        for (const std::size_t step : {std::size_t{1}, at_once}) {
            RedisReader reader(max_reply, max_elements);
            check_same(c.label, read_all(reader, c.bytes, step), "");
            check_that(c.label, !reader.error().empty());
            check_that(c.label,
                       reader.error().find(c.error) != std::string::npos);
            // For good: what follows is not read.
            check_same(c.label, read_all(reader, "+OK\r\n", step), "");
        }
    }
}

void large_replies_are_refused(void**)
{
    constexpr std::string_view size = "above the size limit";
    check_hostile({
        {"huge bulk", "$1000000000\r\n" + std::string(70000, 'x'), size},
        {"bulk above the limit", bulk(std::string(max_reply + 1, 'x')), size},
        {"huger bulk", "$9223372036854775807\r\n" + std::string(9000, 'x')},
        {"overlong number", "$99999999999999999999\r\n"},
        {"endless line", "+" + std::string(2000, 'x'), size},
        {"endless error", "-" + std::string(2000, 'x'), size},
        {"endless length", "$" + std::string(2000, '1'), size},
        {"strings of an array",
         "*3\r\n" + bulk(std::string(500, 'a')) + bulk(std::string(500, 'b')) +
             bulk(std::string(25, 'c')),
         size},
    });
}

void large_and_deep_arrays_are_refused(void**)
{
    std::string deep;
    for (int i = 0; i < 400000; i++) {
        deep += "*1\r\n";
    }
    check_hostile({
        {"many elements", "*9\r\n", "too many elements"},
        {"many in all", "*4\r\n*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n*1\r\n",
         "too many elements"},
        {"huge count", "*2147483647\r\n", "too many elements"},
        {"huger count", "*9223372036854775807\r\n"},
        {"deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "nested too deep"},
        {"very deep", deep},
    });
}

void broken_grammar_is_refused(void**)
{
    constexpr std::string_view end = "does not end where it should";
    check_hostile({
        {"negative bulk", "$-2\r\n"},
        {"negative array", "*-2\r\n"},
        {"bad bulk length", "$1x\r\n"},
        {"bad array length", "*x\r\n"},
        {"bad integer", ":1x\r\n"},
        {"bulk without its end", "$3\r\nabcXY", end},
        {"bulk in array without its end", "*1\r\n$1\r\naXY", end},
        {"null array", "*-1\r\n", "a null array"},
        {"null array in an array", "*1\r\n*-1\r\n", "a null array"},
        {"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"},
        {"zero", std::string("\0", 1)},
    });
}

void null_arrays_are_taken_where_wanted(void**)
{
    for (std::size_t step = 1; step <= 8; step++) {
        RedisReader reader(max_reply, max_elements);
        reader.take_null_arrays();
        check_same("heard",
                   read_all(reader, "*-1\r\n*2\r\n*-1\r\n$-1\r\n+OK\r\n", step),
                   "_;*2 _ _;+OK;");
        check_same("no error", reader.error(), "");
    }
    RedisReader reader(max_reply, max_elements);
    reader.take_null_arrays();
    check_same("heard", read_all(reader, "*-2\r\n", 1), "");
    check_that("other negative numbers are none", !reader.error().empty());
}

void resp3_is_refused(void**)
{
    check_hostile({
        {"map", "%1\r\n+a\r\n+b\r\n"},
        {"empty map", "%0\r\n"},
        {"push", ">2\r\n+invalidate\r\n$-1\r\n"},
        {"set", "~1\r\n+a\r\n"},
        {"null", "_\r\n"},
        {"boolean", "#t\r\n"},
        {"double", ",1.5\r\n"},
        {"big number", "(123\r\n"},
        {"verbatim", "=5\r\ntxt:a\r\n"},
        {"in an array", "*1\r\n_\r\n"},
    });
}

void replies_at_the_limits_pass(void**)
{
    const std::string full(max_reply, 'x');
    const std::string bytes =
        bulk(full) +
        "*8\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n"
        "*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n" +
        bulk(full); // limits are per reply
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, at_once}) {
        RedisReader reader(max_reply, max_elements);
        check_same("heard", read_all(reader, bytes, step),
                   "$" + full + ";*8 :1 :2 :3 :4 :5 :6 :7 :8;*1 *1 *1 *1 :1;$" +
                       full + ";");
        check_same("no error", reader.error(), "");
    }
}

void every_shape_is_read(void**)
{
    constexpr std::string_view bytes =
        "+OK\r\n-ERR no\r\n:-42\r\n$0\r\n\r\n$-1\r\n*0\r\n"
        "*3\r\n$2\r\n\r\n\r\n*2\r\n$-1\r\n+s\r\n-e\r\n";
    for (std::size_t step = 1; step <= bytes.size(); step++) {
        RedisReader reader(max_reply, max_elements);
        check_same("heard", read_all(reader, bytes, step),
                   "+OK;-ERR no;:-42;$;_;*0;*3 $\r\n *2 _ +s -e;");
    }
}

void truncated_reply_waits(void**)
{
    for (const std::string_view bytes :
         {"$", "$5", "$5\r", "$5\r\nvalu", "$5\r\nvalue", "$5\r\nvalue\r",
          "*2\r\n$1\r\na\r\n", "+O", ":", "-"}) {
        RedisReader reader(max_reply, max_elements);
        check_same(bytes, read_all(reader, bytes, at_once), "");
        check_same(bytes, reader.error(), "");
    }
}

void quotes_are_short_and_printable(void**)
{
    check_same("plain", psm::quote_reply("ERR no 'x'"), "ERR no 'x'");
    check_same("control", psm::quote_reply("a\x1b[31m\n\x7f\xc3\xa9"),
               "a?[31m????");
    check_equal("short", psm::quote_reply(std::string(5000, 'x')).size(), 200);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(large_replies_are_refused),
        cmocka_unit_test(large_and_deep_arrays_are_refused),
        cmocka_unit_test(broken_grammar_is_refused),
        cmocka_unit_test(null_arrays_are_taken_where_wanted),
        cmocka_unit_test(resp3_is_refused),
        cmocka_unit_test(replies_at_the_limits_pass),
        cmocka_unit_test(every_shape_is_read),
        cmocka_unit_test(truncated_reply_waits),
        cmocka_unit_test(quotes_are_short_and_printable),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
