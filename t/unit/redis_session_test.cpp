// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/redis_session.hpp"

#include <memory>
#include <string>
#include <vector>

namespace {

using psm::RedisCredentials;
using psm::RedisLimits;
using psm::RedisReply;
using psm::RedisSession;
using psm::RedisType;

/// One element as text: +status -error $string :integer *count _ for nil.
std::string describe(const RedisReply& reply)
{
    switch (reply.type) {
    case RedisType::nil:
        return "_ ";
    case RedisType::string:
        return "$" + std::string(reply.text) + " ";
    case RedisType::status:
        return "+" + std::string(reply.text) + " ";
    case RedisType::error:
        return "-" + std::string(reply.text) + " ";
    case RedisType::integer:
        return ":" + std::to_string(reply.integer) + " ";
    case RedisType::array:
        return "*" + std::to_string(reply.integer) + " ";
    }
    return "?";
}

/// A session whose replies are written down as "tag=reply;".
struct Talk {
    explicit Talk(const RedisLimits& limits = {},
                  const RedisCredentials& credentials = {})
        : session(limits, &Talk::on_reply, this)
    {
        session.start(credentials);
    }

    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply)
    {
        auto* const talk = static_cast<Talk*>(context);
        talk->heard += std::to_string(tag) + "=" + describe(reply);
        for (const RedisReply& element : reply.elements) {
            talk->heard += describe(element);
        }
        talk->heard += ";";
        if (!talk->chain.empty()) {
            const std::string word = talk->chain.back();
            talk->chain.pop_back();
            check_that("chained", talk->session.command({word}, tag + 100));
        }
    }

    /// Gives `count` commands with the tags 1, 2, ...
    void ask(int count)
    {
        for (int i = 1; i <= count; i++) {
            check_that("asked",
                       session.command({"GET", "k"}, static_cast<unsigned>(i)));
        }
    }

    RedisSession session;
    std::string heard;
    std::vector<std::string> chain; // commands that the handler gives
};

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

void greeting_comes_first_and_in_order(void**)
{
    Talk talk({}, {.user = "psm-gate",
                   .password = "secret",
                   .database = 3,
                   .client_name = "psm"});
    check_that("queued behind", talk.session.command({"PING"}, 9));
    check_same("bytes", talk.session.output(),
               "*3\r\n$4\r\nAUTH\r\n$8\r\npsm-gate\r\n$6\r\nsecret\r\n"
               "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
               "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\npsm\r\n"
               "*1\r\n$4\r\nPING\r\n");
    check_equal("outstanding", talk.session.outstanding(), 1);
    check_that("AUTH", talk.session.feed("+OK\r\n"));
    check_that("not ready", !talk.session.ready());
    check_that("SELECT", talk.session.feed("+OK\r\n"));
    check_that("not ready", !talk.session.ready());
    check_same("nothing for the handler", talk.heard, "");
    check_that("SETNAME, PING", talk.session.feed("+OK\r\n+PONG\r\n"));
    check_that("ready", talk.session.ready());
    check_same("heard", talk.heard, "9=+PONG ;");
}

void greeting_has_only_what_is_needed(void**)
{
    const Talk password({}, {.password = "p"});
    check_same("password", password.session.output(),
               "*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n");
    const Talk user({}, {.user = "u"});
    check_same("user that needs no password", user.session.output(),
               "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$0\r\n\r\n");
    const Talk name({}, {.client_name = "n"});
    check_same("name", name.session.output(),
               "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\nn\r\n");
    check_that("not ready", !name.session.ready());
}

void setname_may_be_refused(void**)
{
    Talk talk({}, {.client_name = "psm"});
    talk.ask(1);
    check_that("goes on", talk.session.feed("-NOPERM no\r\n$1\r\nv\r\n"));
    check_that("ready", talk.session.ready());
    check_same("heard", talk.heard, "1=$v ;");
}

void commands_before_start_are_refused(void**)
{
    RedisSession session({}, &Talk::on_reply, nullptr);
    check_that("not ready", !session.ready());
    check_that("refused", !session.command({"PING"}, 1));
    check_same("nothing queued", session.output(), "");
    check_that("no words",
               !Talk().session.command(std::span<const std::string_view>(), 1));
}

void refused_greetings_break_the_session(void**)
{
    struct Case {
        std::string_view label;
        std::string_view reply;
        bool refused = true;
        std::string_view error;
    };

    constexpr std::string_view auth = "Redis refused AUTH: ";
    constexpr std::string_view odd =
        "Redis answered the greeting with something else than OK";
    const Case cases[] = {
        {"wrong password", "-WRONGPASS invalid pair\r\n", true,
         "Redis refused AUTH: WRONGPASS (wrong user or password, or the user "
         "is off)"},
        {"no users", "-ERR wrong number of arguments\r\n", true,
         "Redis refused AUTH: ERR (it asks for no password, or does not know "
         "users)"},
        {"echo", "-ERR unknown command 'AUTH', with args: 'u' 'hunter2'\r\n",
         true, auth},
        {"echo alone", "-hunter2\r\n", true, "Redis refused AUTH: no code"},
        {"protected", "-DENIED Redis is running in protected mode\r\n", true,
         "Redis refused AUTH: DENIED"},
        {"loading", "-LOADING Redis is loading\r\n", false,
         "Redis refused AUTH: LOADING"},
        {"busy", "-BUSY running a script\r\n", false, auth},
        {"stale replica", "-MASTERDOWN Link with MASTER is down\r\n", false,
         auth},
        {"full", "-ERR max number of clients reached\r\n", false,
         "Redis refused AUTH: ERR max number of clients"},
        {"other status", "+QUEUED\r\n", false, odd},
        {"integer", ":1\r\n", false, odd},
        {"string", "$2\r\nOK\r\n", false, odd},
        {"nil", "$-1\r\n", false, odd},
        {"array", "*1\r\n+OK\r\n", false, odd},
        {"bad database", "+OK\r\n-ERR DB index is out of range\r\n", true,
         "Redis refused SELECT: ERR DB index is out of range"},
        {"no right", "+OK\r\n-NOPERM no 'select'\r\n", true,
         "Redis refused SELECT: NOPERM no 'select'"},
        {"select while loading", "+OK\r\n-LOADING x\r\n", false,
         "Redis refused SELECT: LOADING x"},
    };
    for (const Case& c : cases) {
        Talk talk({}, {.user = "u", .password = "hunter2", .database = 99});
        talk.ask(1);
        check_that(c.label, !talk.session.feed(c.reply));
        check_that(c.label, talk.session.broken());
        check_that(c.label, !talk.session.ready());
        check_equal(c.label, talk.session.refused(), c.refused);
        const std::string& error = talk.session.error();
        check_same(c.label, error.substr(0, c.error.size()), c.error);
        check_that(c.label, error.find("hunter2") == std::string::npos);
        check_same(c.label, talk.heard, "");
        check_equal(c.label, talk.session.outstanding(), 1);
        check_that(c.label, !talk.session.command({"PING"}, 2));
        check_that(c.label, !talk.session.feed("+OK\r\n"));
    }
}

void select_without_auth_needs_a_password(void**)
{
    Talk talk({}, {.database = 1});
    check_that("broken", !talk.session.feed("-NOAUTH required.\r\n"));
    check_that("refused", talk.session.refused());
    check_same("error", talk.session.error(),
               "Redis refused SELECT: NOAUTH required.");
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
           ":-42\r\n+PONG\r\n-ERR no\r\n*0\r\n*-1\r\n"
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

void hostile_bytes_break_the_session(void**)
{
    struct Case {
        std::string_view label;
        std::string bytes;
        std::string_view error;
    };

    const std::string_view size = "a reply above the size limit";
    const std::string_view any = "";
    std::string deep;
    for (int i = 0; i < 400000; i++) {
        deep += "*1\r\n";
    }
    const Case cases[] = {
        {"huge bulk", "$1000000000\r\n" + std::string(70000, 'x'), size},
        {"bulk above the limit", bulk(std::string(1025, 'x')), size},
        {"huger bulk", "$9223372036854775807\r\n" + std::string(9000, 'x'),
         any},
        {"overlong number", "$99999999999999999999\r\n", any},
        {"endless line", "+" + std::string(2000, 'x'), size},
        {"endless length", "$" + std::string(2000, '1'), size},
        {"strings of an array",
         "*3\r\n" + bulk(std::string(500, 'a')) + bulk(std::string(500, 'b')) +
             bulk(std::string(25, 'c')),
         size},
        {"many elements", "*9\r\n", "too many elements"},
        {"many in all", "*4\r\n*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n*1\r\n",
         "too many elements"},
        {"huge count", "*2147483647\r\n", "too many elements"},
        {"huger count", "*9223372036854775807\r\n", any},
        {"deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "nested too deep"},
        {"very deep", deep, any},
        {"negative bulk", "$-2\r\n", any},
        {"negative array", "*-2\r\n", any},
        {"bad bulk length", "$1x\r\n", any},
        {"bad array length", "*x\r\n", any},
        {"bad integer", ":1x\r\n", any},
        {"bulk without its end", "$3\r\nabcXY", "does not end where it should"},
        {"bulk in array without its end", "*1\r\n$1\r\naXY",
         "does not end where it should"},
        {"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", any},
        {"zero", std::string("\0", 1), any},
        {"RESP3 map", "%1\r\n+a\r\n+b\r\n", any},
        {"RESP3 push", ">2\r\n+invalidate\r\n$-1\r\n", any},
        {"RESP3 set", "~1\r\n+a\r\n", any},
        {"RESP3 null", "_\r\n", any},
        {"RESP3 boolean", "#t\r\n", any},
        {"RESP3 double", ",1.5\r\n", any},
        {"RESP3 big number", "(123\r\n", any},
        {"RESP3 verbatim", "=5\r\ntxt:a\r\n", any},
        {"RESP3 in an array", "*1\r\n_\r\n", any},
    };
    const RedisLimits limits{.max_reply = 1024, .max_elements = 8};
    constexpr std::string_view opening = "Redis sent what cannot be read: ";
    for (const Case& c : cases) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{1} << 22}) {
            Talk talk(limits);
            talk.ask(2);
            bool alive = true;
            for (std::size_t at = 0; alive && at < c.bytes.size(); at += step) {
                alive = talk.session.feed(c.bytes.substr(at, step));
            }
            check_that(c.label, !alive);
            const std::string& error = talk.session.error();
            check_same(c.label, error.substr(0, opening.size()), opening);
            check_that(c.label, error.size() > opening.size());
            check_that(c.label, error.find(c.error) != std::string::npos);
            check_same(c.label, talk.heard, "");
            check_equal(c.label, talk.session.refused(), false);
            check_equal(c.label, talk.session.outstanding(), 2);
        }
    }
}

void replies_at_the_limits_pass(void**)
{
    Talk talk({.max_reply = 1024, .max_elements = 8});
    talk.ask(4);
    const std::string full(1024, 'x');
    check_that("size", talk.session.feed(bulk(full)));
    check_that("elements",
               talk.session.feed(
                   "*8\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n"));
    check_that("depth", talk.session.feed("*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"));
    check_that("again, limits are per reply", talk.session.feed(bulk(full)));
    check_same("heard", talk.heard,
               "1=$" + full +
                   " ;2=*8 :1 :2 :3 :4 :5 :6 :7 :8 ;3=*1 *1 *1 *1 :1 ;4=$" +
                   full + " ;");
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

void truncated_reply_waits(void**)
{
    for (const std::string_view bytes :
         {"$", "$5", "$5\r", "$5\r\nvalu", "$5\r\nvalue", "$5\r\nvalue\r",
          "*2\r\n$1\r\na\r\n", "+O", ":", "-"}) {
        Talk talk;
        talk.ask(1);
        check_that(bytes, talk.session.feed(bytes));
        check_same(bytes, talk.heard, "");
        check_equal(bytes, talk.session.outstanding(), 1);
    }
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

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_formatted_and_pipelined),
        cmocka_unit_test(greeting_comes_first_and_in_order),
        cmocka_unit_test(greeting_has_only_what_is_needed),
        cmocka_unit_test(setname_may_be_refused),
        cmocka_unit_test(commands_before_start_are_refused),
        cmocka_unit_test(refused_greetings_break_the_session),
        cmocka_unit_test(select_without_auth_needs_a_password),
        cmocka_unit_test(errors_to_commands_go_to_the_handler),
        cmocka_unit_test(every_split_gives_the_same_replies),
        cmocka_unit_test(handler_may_give_commands),
        cmocka_unit_test(unasked_replies_break_the_session),
        cmocka_unit_test(hostile_bytes_break_the_session),
        cmocka_unit_test(replies_at_the_limits_pass),
        cmocka_unit_test(many_replies_in_one_feed_are_no_large_reply),
        cmocka_unit_test(truncated_reply_waits),
        cmocka_unit_test(limit_of_outstanding_commands_holds),
        cmocka_unit_test(limit_of_output_holds),
        cmocka_unit_test(tags_stay_in_order_over_many_rounds),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
