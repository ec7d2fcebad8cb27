// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"
#include "redis_talk.hpp"

#include <memory>
#include <string>
#include <vector>

namespace {

using check::Talk;
using psm::RedisCredentials;
using psm::RedisLimits;

std::string bulk(std::string_view text)
{
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) +
           "\r\n";
}

void commands_are_formatted_and_pipelined(void**)
{
    Talk talk;
    check_that("ready without a greeting", talk.session.ready());
    check_same("nothing to send", talk.session.output(), "");
    check_that("first", talk.session.command({"GET", "psm:t:1"}, 1));
    const std::string binary("\0\r\n", 3);
    check_that("second", talk.session.command({"SET", "", binary}, 2));
    const std::string first = "*2\r\n$3\r\nGET\r\n$7\r\npsm:t:1\r\n";
    const std::string second =
        "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\n" + binary + "\r\n";
    check_same("both", talk.session.output(), first + second);
    talk.session.sent(first.size() + 4);
    check_same("the rest", talk.session.output(), second.substr(4));
    check_that("third", talk.session.command({"PING"}, 3));
    check_same("appended", talk.session.output(),
               second.substr(4) + "*1\r\n$4\r\nPING\r\n");
    talk.session.sent(talk.session.output().size());
    check_same("all sent", talk.session.output(), "");
    check_equal("outstanding", talk.session.outstanding(), 3);
    check_that("fed", talk.session.feed("$-1\r\n+OK\r\n+PONG\r\n"));
    check_same("heard", talk.heard, "1=_ ;2=+OK ;3=+PONG ;");
    check_equal("none outstanding", talk.session.outstanding(), 0);
}

void lengths_are_written_whole(void**)
{
    std::string expected;
    Talk talk;
    for (const std::size_t length :
         {0U, 1U, 9U, 10U, 99U, 100U, 999U, 1000U, 70000U}) {
        const std::string word(length, 'w');
        check_that(word, talk.session.command({"GET", word}, 1));
        expected += "*2\r\n" + bulk("GET") + bulk(word);
    }
    check_same("lengths", talk.session.output(), expected);

    const std::vector<std::string_view> many(101, "x");
    check_that("many words", talk.session.command(many, 1));
    expected += "*101\r\n";
    for (const std::string_view word : many) {
        expected += bulk(word);
    }
    check_same("a hundred", talk.session.output(), expected);
}

void errors_to_commands_go_to_the_handler(void**)
{
    Talk talk;
    talk.ask(3);
    check_that("goes on", talk.session.feed("-WRONGTYPE not a string\r\n"
                                            "-LOADING wait\r\n$1\r\nv\r\n"));
    check_same("heard", talk.heard,
               "1=-WRONGTYPE not a string ;2=-LOADING wait ;3=$v ;");
    check_that("usable", !talk.session.broken());
}

/// A greeting and replies of every shape, and what the handler hears.
std::string long_script()
{
    return "+OK\r\n+OK\r\n-NOPERM setname\r\n" + bulk("value") + "$-1\r\n" +
           bulk("") + bulk(std::string("a\r\nb\0c", 6)) +
           ":-42\r\n+PONG\r\n-ERR no\r\n*0\r\n$-1\r\n"
           "*3\r\n$1\r\nx\r\n*2\r\n:1\r\n*1\r\n$-1\r\n+s\r\n" +
           bulk(std::string(3000, 'l')) + "$-1\r\n";
}

std::string long_script_heard()
{
    return "1=$value ;2=_ ;3=$ ;4=$" + std::string("a\r\nb\0c", 6) +
           " ;5=:-42 ;6=+PONG ;7=-ERR no ;8=*0 ;9=_ "
           ";10=*3 $x *2 :1 *1 _ +s ;11=$" +
           std::string(3000, 'l') + " ;12=_ ;";
}

std::unique_ptr<Talk> start_long_talk()
{
    auto talk = std::make_unique<Talk>(
        RedisLimits{},
        RedisCredentials{.password = "p", .database = 1, .client_name = "n"});
    talk->ask(12);
    return talk;
}

void every_split_gives_the_same_replies(void**)
{
    const std::string script = long_script();
    const std::string expected = long_script_heard();
    for (std::size_t cut = 0; cut <= script.size(); cut++) {
        const auto talk = start_long_talk();
        check_that("head", talk->session.feed(script.substr(0, cut)));
        check_that("tail", talk->session.feed(script.substr(cut)));
        check_same("cut once", talk->heard, expected);
    }
    for (std::size_t step = 1; step < 40; step++) {
        const auto talk = start_long_talk();
        for (std::size_t at = 0; at < script.size(); at += step) {
            check_that("step", talk->session.feed(script.substr(at, step)));
        }
        check_same("in steps", talk->heard, expected);
        check_equal("all answered", talk->session.outstanding(), 0);
    }
}

void handler_may_give_commands(void**)
{
    Talk talk;
    talk.chain = {"THIRD", "SECOND"};
    talk.ask(1);
    talk.session.sent(talk.session.output().size());
    check_that("first", talk.session.feed("+a\r\n"));
    check_same("second went out", talk.session.output(),
               "*1\r\n$6\r\nSECOND\r\n");
    check_that("more", talk.session.feed("+b\r\n+c\r\n"));
    check_same("heard", talk.heard, "1=+a ;101=+b ;201=+c ;");
}

void unasked_replies_break_the_session(void**)
{
    struct Case {
        std::string_view label;
        std::string_view bytes;
        std::string_view error;
    };

    const Case cases[] = {
        {"full", "-ERR max number of clients reached\r\n",
         "Redis sent an error: ERR max number of clients reached"},
        {"protected mode", "-DENIED Redis is in\tprotected mode\r\n",
         "Redis sent an error: DENIED Redis is in?protected mode"},
        {"status", "+OK\r\n", "Redis sent a reply that nobody asked for"},
        {"nil", "$-1\r\n", "Redis sent a reply that nobody asked for"},
        {"array", "*0\r\n", "Redis sent a reply that nobody asked for"},
    };
    for (const Case& c : cases) {
        Talk idle;
        check_that(c.label, !idle.session.feed(c.bytes));
        check_same(c.label, idle.session.error(), c.error);
        check_equal(c.label, idle.session.refused(), false);

        Talk after;
        after.ask(1);
        check_that(c.label,
                   !after.session.feed("$1\r\nv\r\n" + std::string(c.bytes)));
        check_same(c.label, after.heard, "1=$v ;");
        check_same(c.label, after.session.error(), c.error);
    }
}

void unreadable_bytes_break_the_session(void**)
{
    for (const std::string& bytes :
         {bulk(std::string(2000, 'x')), std::string("*9\r\n"),
          std::string("_\r\n"), std::string("$-2\r\n")}) {
        Talk talk({.max_reply = 1024, .max_elements = 8});
        talk.ask(2);
        check_that(bytes, !talk.session.feed(bytes));
        constexpr std::string_view opening = "Redis sent what cannot be read: ";
        const std::string& error = talk.session.error();
        check_same(bytes, error.substr(0, opening.size()), opening);
        check_that(bytes, error.size() > opening.size());
        check_same(bytes, talk.heard, "");
        check_equal(bytes, talk.session.refused(), false);
        check_equal(bytes, talk.session.outstanding(), 2);
    }
}

void many_replies_in_one_feed_are_no_large_reply(void**)
{
    Talk talk({.max_reply = 64, .max_outstanding = 2000});
    talk.ask(2000);
    std::string all;
    for (int i = 0; i < 2000; i++) {
        all += bulk(std::string(60, 'v'));
    }
    check_that("fed", talk.session.feed(all));
    check_equal("answered", talk.session.outstanding(), 0);
}

void limit_of_outstanding_commands_holds(void**)
{
    Talk talk({.max_outstanding = 3});
    talk.ask(3);
    const std::string before(talk.session.output());
    check_that("fourth", !talk.session.command({"PING"}, 4));
    check_same("nothing queued", talk.session.output(), before);
    check_that("fed", talk.session.feed("+a\r\n"));
    check_that("room again", talk.session.command({"PING"}, 4));
    check_that("rest", talk.session.feed("+b\r\n+c\r\n+d\r\n"));
    check_same("heard", talk.heard, "1=+a ;2=+b ;3=+c ;4=+d ;");
}

void limit_of_output_holds(void**)
{
    // One PING is 14 bytes.
    Talk talk({.max_output = 30});
    check_that("first", talk.session.command({"PING"}, 1));
    check_that("second", talk.session.command({"PING"}, 2));
    check_that("third", !talk.session.command({"PING"}, 3));
    check_equal("outstanding", talk.session.outstanding(), 2);
    check_equal("output", talk.session.output().size(), 28);
    talk.session.sent(14);
    check_that("room again", talk.session.command({"PING"}, 3));
    check_that("too long at once",
               !Talk({.max_output = 30})
                    .session.command({"GET", "twenty characters key"}, 1));
    check_that("fed", talk.session.feed("+a\r\n+b\r\n+c\r\n"));
    check_same("heard", talk.heard, "1=+a ;2=+b ;3=+c ;");
}

void tags_stay_in_order_over_many_rounds(void**)
{
    Talk talk;
    std::string expected;
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < round % 23 + 1; i++) {
            check_that("asked", talk.session.command({"PING"}, asked++));
        }
        talk.session.sent(static_cast<std::size_t>(round) % 40);
        while (talk.session.outstanding() > static_cast<unsigned>(round) % 7) {
            check_that("fed", talk.session.feed("+P\r\n"));
            expected += std::to_string(answered++) + "=+P ;";
        }
    }
    check_same("heard", talk.heard, expected);
}

void null_arrays_are_nil_where_sentinels_answer(void**)
{
    Talk sentinel({.null_arrays = true});
    sentinel.ask(1);
    check_that("fed", sentinel.session.feed("*-1\r\n"));
    check_same("heard", sentinel.heard, "1=_ ;");
    Talk redis;
    redis.ask(1);
    check_that("broken", !redis.session.feed("*-1\r\n"));
    check_same("heard", redis.heard, "");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(null_arrays_are_nil_where_sentinels_answer),
        cmocka_unit_test(commands_are_formatted_and_pipelined),
        cmocka_unit_test(lengths_are_written_whole),
        cmocka_unit_test(errors_to_commands_go_to_the_handler),
        cmocka_unit_test(every_split_gives_the_same_replies),
        cmocka_unit_test(handler_may_give_commands),
        cmocka_unit_test(unasked_replies_break_the_session),
        cmocka_unit_test(unreadable_bytes_break_the_session),
        cmocka_unit_test(many_replies_in_one_feed_are_no_large_reply),
        cmocka_unit_test(limit_of_outstanding_commands_holds),
        cmocka_unit_test(limit_of_output_holds),
        cmocka_unit_test(tags_stay_in_order_over_many_rounds),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
