// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"
#include "redis_talk.hpp"

#include <string>

namespace {

using check::Talk;
using psm::RedisSession;

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
        check_equal(c.label, talk.session.put_off(),
                    !c.refused && c.error != odd);
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

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(greeting_comes_first_and_in_order),
        cmocka_unit_test(greeting_has_only_what_is_needed),
        cmocka_unit_test(setname_may_be_refused),
        cmocka_unit_test(commands_before_start_are_refused),
        cmocka_unit_test(refused_greetings_break_the_session),
        cmocka_unit_test(select_without_auth_needs_a_password),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
