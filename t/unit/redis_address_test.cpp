// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/redis_address.hpp"

#include <string>
#include <vector>

namespace {

using psm::RedisAddress;

/// What parsing says is wrong, or "".
std::string problem_of(std::string_view text)
{
    RedisAddress address;
    return psm::parse_redis_address(text, address).value_or("");
}

/// Everything an address holds, in one line.
std::string describe(std::string_view text)
{
    RedisAddress a;
    if (const auto problem = psm::parse_redis_address(text, a)) {
        return "problem: " + *problem;
    }
    return "host=" + a.host + " port=" + std::to_string(a.port) +
           " socket=" + a.socket_path + " user=" + a.user +
           " db=" + std::to_string(a.database) + " file=" + a.password_file +
           " prefix=" + a.prefix +
           " connect=" + std::to_string(a.connect_timeout_ms) +
           " timeout=" + std::to_string(a.timeout_ms);
}

std::string with_defaults(std::string_view where, std::string_view user = "",
                          std::string_view db = "0")
{
    return std::string(where) + " user=" + std::string(user) +
           " db=" + std::string(db) +
           " file= prefix=psm: connect=250 timeout=100";
}

void addresses_are_read(void**)
{
    struct Case {
        std::string_view text;
        std::string expected;
    };

    const Case cases[] = {
        {"redis://127.0.0.1:6379",
         with_defaults("host=127.0.0.1 port=6379 socket=")},
        {"redis://cache.example",
         with_defaults("host=cache.example port=6379 socket=")},
        {"redis://h:1", with_defaults("host=h port=1 socket=")},
        {"redis://h:65535/", with_defaults("host=h port=65535 socket=")},
        {"redis://h/3", with_defaults("host=h port=6379 socket=", "", "3")},
        {"redis://gate@h:7/15",
         with_defaults("host=h port=7 socket=", "gate", "15")},
        {"redis://[::1]:6380", with_defaults("host=::1 port=6380 socket=")},
        {"redis://[2001:db8::7]/2",
         with_defaults("host=2001:db8::7 port=6379 socket=", "", "2")},
        {"unix:/run/redis.sock",
         with_defaults("host= port=6379 socket=/run/redis.sock")},
        {"unix:/run/redis.sock db=4",
         with_defaults("host= port=6379 socket=/run/redis.sock", "", "4")},
        {"redis://h user=u", with_defaults("host=h port=6379 socket=", "u")},
        {"redis://u@h/2 user=u db=2",
         with_defaults("host=h port=6379 socket=", "u", "2")},
        {"  redis://h \t db=1\n",
         with_defaults("host=h port=6379 socket=", "", "1")},
        {"redis://h password_file=/etc/pw prefix=a.B-9_: "
         "connect_timeout=2s timeout=1m",
         "host=h port=6379 socket= user= db=0 file=/etc/pw prefix=a.B-9_: "
         "connect=2000 timeout=60000"},
        {"redis://h connect_timeout=1ms timeout=60",
         "host=h port=6379 socket= user= db=0 file= prefix=psm: connect=1 "
         "timeout=60000"},
    };
    for (const Case& c : cases) {
        check_same(c.text, describe(c.text), c.expected);
    }
}

void words_and_one_string_mean_the_same(void**)
{
    const std::vector<std::string_view> words{"redis://h", "db=3"};
    RedisAddress address;
    check_that("no problem", !psm::parse_redis_address(words, address));
    check_equal("db", address.database, 3);
    check_that("nothing", psm::parse_redis_address(
                              std::span<const std::string_view>(), address));
}

void mistakes_are_refused_by_name(void**)
{
    struct Case {
        std::string_view text;
        std::string_view names; // must be in the message
        std::string_view remedy;
    };

    const Case cases[] = {
        {"", "empty", "redis://"},
        {"   ", "empty", "unix:/path"},
        {"127.0.0.1:6379", "127.0.0.1:6379", "redis://HOST:PORT"},
        {"http://h", "http://h", "redis://HOST:PORT"},
        {"redis://", "redis://", "names no host"},
        {"redis://h:", "redis://h:", "1 to 65535"},
        {"redis://h:0", "redis://h:0", "1 to 65535"},
        {"redis://h:65536", "redis://h:65536", "1 to 65535"},
        {"redis://h:63a", "redis://h:63a", "1 to 65535"},
        {"redis://h:-1", "redis://h:-1", "1 to 65535"},
        {"redis://h/x", "redis://h/x", "number"},
        {"redis://h/-1", "redis://h/-1", "number"},
        {"redis://h/1/2", "redis://h/1/2", "number"},
        {"redis://a b", "unknown parameter \"b\"", "prefix="},
        {"redis://h?db=1", "redis://h?db=...", "names no host"},
        {"redis://::1", "redis://::1", "[ADDRESS]"},
        {"redis://[::1", "redis://[::1", "]"},
        {"redis://[]", "redis://[]", "IPv6"},
        {"redis://[::1]x", "redis://[::1]x", "behind the ]"},
        {"redis://@h", "@h", "user name"},
        {"unix:relative", "unix:relative", "absolute"},
        {"unix:", "unix:", "absolute"},
        {"redis://h db=", "db= has no value", "leave it out"},
        {"redis://h db=a", "db=a", "number"},
        {"redis://h db=70000", "db=70000", "number"},
        {"redis://h db=1 db=1", "db= is given twice", "keep one"},
        {"redis://h/1 db=2", "db=", "differ"},
        {"redis://h/0 db=2", "db=", "differ"},
        {"redis://a@h user=b", "user=", "differ"},
        {"redis://h user=a,b", "user=", "letters"},
        {"redis://h timeout=0", "timeout=0", "1ms to 60s"},
        {"redis://h timeout=61s", "timeout=61s", "1ms to 60s"},
        {"redis://h timeout=1h", "timeout=1h", "1ms to 60s"},
        {"redis://h timeout=ms", "timeout=ms", "1ms to 60s"},
        {"redis://h timeout=99999999999ms", "timeout=", "1ms to 60s"},
        {"redis://h connect_timeout=1.5s", "connect_timeout=1.5s", "250ms"},
        {"redis://h prefix=", "prefix= has no value", "leave it out"},
        {"redis://h prefix=a*", "prefix=a*", "letters"},
        {"redis://h colour=red", "unknown parameter \"colour\"", "user="},
        {"redis://h db", "unknown parameter \"db\"", "db="},
    };
    for (const Case& c : cases) {
        const std::string problem = problem_of(c.text);
        check_that(c.text, problem.find(c.names) != std::string::npos);
        check_that(c.text, problem.find(c.remedy) != std::string::npos);
    }
}

void long_words_are_refused(void**)
{
    check_same("host", problem_of("redis://" + std::string(253, 'h')), "");
    check_that("host", !problem_of("redis://" + std::string(254, 'h')).empty());
    check_same("socket", problem_of("unix:/" + std::string(106, 's')), "");
    check_that("socket", !problem_of("unix:/" + std::string(107, 's')).empty());
    check_same("prefix", problem_of("redis://h prefix=" + std::string(64, 'p')),
               "");
    check_that("prefix",
               !problem_of("redis://h prefix=" + std::string(65, 'p')).empty());
}

void passwords_are_refused_and_not_repeated(void**)
{
    const std::string_view cases[] = {
        "redis://user:hunter2@h:6379",
        "redis://:hunter2@h",
        "redis://user:hun@ter/hunter2@h/1",
        "redis://h password=hunter2",
        "redis://h pass=hunter2",
        "redis://h auth=hunter2",
        "rediss://user:hunter2@h",
        "sentinel://user:hunter2@h/main",
        "sentinel://h1,u:hunter2@h2/main",
        "sentinel://h/main sentinel_password=hunter2",
    };
    for (const std::string_view text : cases) {
        const std::string problem = problem_of(text);
        check_that(text, problem.find("hunter2") == std::string::npos);
        check_that(text, problem.find("password_file=") != std::string::npos);
    }
    const std::string_view other_mistakes[] = {
        "http://user:hunter2@h",
        "user:hunter2@h:6379",
        "password=hunter2",
        "redis://hunter2/@h:x",
        "unix:hunter2@x",
        "redis://h passwd=hunter2",
        "redis://h user=hunter2/",
        "sentinel://hunter2@h/main",
        "sentinel://h/hunter2@main",
        "sentinel://h/main sentinel_user=hunter2/",
        "sentinel://h/main sentinel_pass=hunter2",
    };
    for (const std::string_view text : other_mistakes) {
        const std::string problem = problem_of(text);
        check_that(text, !problem.empty());
        check_that(text, problem.find("hunter2") == std::string::npos);
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(words_and_one_string_mean_the_same),
        cmocka_unit_test(mistakes_are_refused_by_name),
        cmocka_unit_test(long_words_are_refused),
        cmocka_unit_test(passwords_are_refused_and_not_repeated),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
