// SPDX-License-Identifier: BSD-2-Clause
//
// TLS, sentinels and tracking in an address of Redis; the rest is in
// redis_address_test.cpp.

#include "check.hpp"

#include "../../lib/redis_address.hpp"

#include <string>

namespace {

using psm::RedisAddress;

std::string problem_of(std::string_view text)
{
    RedisAddress address;
    return psm::parse_redis_address(text, address).value_or("");
}

std::string describe_tls(const RedisAddress& a)
{
    return std::string(a.tls ? "tls" : "plain") + " ca=" + a.ca +
           " cert=" + a.cert + " key=" + a.key + " name=" + a.tls_name;
}

/// What an address holds about where Redis is, in one line.
std::string describe(std::string_view text)
{
    RedisAddress a;
    if (const auto problem = psm::parse_redis_address(text, a)) {
        return "problem: " + *problem;
    }
    std::string where = "host=" + a.host + " port=" + std::to_string(a.port) +
                        " socket=" + a.socket_path;
    if (!a.sentinels.empty()) {
        where = a.master_name + " by";
        for (const psm::RedisHost& sentinel : a.sentinels) {
            where += " " + sentinel.host + "|" + std::to_string(sentinel.port);
        }
        where += " user=" + a.sentinel_user +
                 " file=" + a.sentinel_password_file +
                 (a.sentinel_tls ? " tls" : " plain");
        check_same(text, a.host, "");
        check_same(text, a.socket_path, "");
    }
    return where + "; " + describe_tls(a);
}

struct Case {
    std::string_view text;
    std::string_view expected;
};

void tls_is_read(void**)
{
    constexpr std::string_view all =
        "host=h port=6379 socket=; tls ca=/ca.pem cert=/c.pem key=/k.pem "
        "name=redis.example";
    const Case cases[] = {
        {"redis://h", "host=h port=6379 socket=; plain ca= cert= key= name="},
        {"rediss://h", "host=h port=6379 socket=; tls ca= cert= key= name="},
        {"rediss://u@[::1]:6380/2",
         "host=::1 port=6380 socket=; tls ca= cert= key= name="},
        {"redis://h tls=on",
         "host=h port=6379 socket=; tls ca= cert= key= name="},
        {"rediss://h tls=on name=10.0.0.1",
         "host=h port=6379 socket=; tls ca= cert= key= name=10.0.0.1"},
        {"rediss://h name=2001:db8::1",
         "host=h port=6379 socket=; tls ca= cert= key= name=2001:db8::1"},
        {"rediss://h ca=/ca.pem cert=/c.pem key=/k.pem name=redis.example",
         all},
        {"redis://h ca=/ca.pem cert=/c.pem key=/k.pem name=redis.example "
         "tls=on",
         all},
    };
    for (const Case& c : cases) {
        check_same(c.text, describe(c.text), c.expected);
    }
}

void sentinels_are_read(void**)
{
    const Case cases[] = {
        {"sentinel://h/main",
         "main by h|26379 user= file= plain; plain ca= cert= key= name="},
        {"sentinel://h1:1,h2,[::1],[2001:db8::7]:65535/a.B-9_",
         "a.B-9_ by h1|1 h2|26379 ::1|26379 2001:db8::7|65535 user= file= "
         "plain; plain ca= cert= key= name="},
        {"sentinel://h:1,h:2/main sentinel_user=s sentinel_password_file=/s",
         "main by h|1 h|2 user=s file=/s plain; plain ca= cert= key= name="},
        {"sentinel://h/main sentinel_password_file=/s",
         "main by h|26379 user= file=/s plain; plain ca= cert= key= name="},
        {"sentinel://h/main tls=on name=n",
         "main by h|26379 user= file= plain; tls ca= cert= key= name=n"},
        {"sentinel://h/main sentinel_tls=on ca=/ca.pem",
         "main by h|26379 user= file= tls; plain ca=/ca.pem cert= key= name="},
        {"sentinel://h/main sentinel_tls=on tls=on cert=/c key=/k",
         "main by h|26379 user= file= tls; tls ca= cert=/c key=/k name="},
    };
    for (const Case& c : cases) {
        check_same(c.text, describe(c.text), c.expected);
    }

    RedisAddress address;
    check_that("login", !psm::parse_redis_address("sentinel://h/main user=u "
                                                  "password_file=/p db=3",
                                                  address));
    check_same("user", address.user, "u");
    check_same("file", address.password_file, "/p");
    check_equal("db", address.database, 3);
}

void tracking_is_read(void**)
{
    const std::pair<std::string_view, bool> cases[] = {
        {"redis://h", true},
        {"redis://h tracking=on", true},
        {"redis://h tracking=off", false},
        {"sentinel://h/main tracking=off", false},
        {"unix:/s tracking=off", false},
    };
    for (const auto& [text, expected] : cases) {
        RedisAddress address;
        check_that(text, !psm::parse_redis_address(text, address));
        check_equal(text, address.tracking, expected);
    }
}

void mistakes_are_refused_by_name(void**)
{
    struct Mistake {
        std::string_view text;
        std::string_view names; // must be in the message
        std::string_view remedy;
    };

    const Mistake cases[] = {
        {"rediss://", "\"rediss://\"", "rediss://HOST:PORT"},
        {"rediss://h/x", "rediss://h/x", "rediss://HOST:PORT/1"},
        {"rediss://h:0", "rediss://h:0", "1 to 65535"},
        {"RedisS://h", "RedisS://h", "rediss://HOST:PORT"},
        {"unix:/s tls=on", "tls=", "leave it out"},
        {"redis://h tls=off", "tls=off", "tls=on or leave it out"},
        {"rediss://h tls=off", "tls=off", "tls=on or leave it out"},
        {"rediss://h tls=no", "tls=no", "tls=on or leave it out"},
        {"rediss://h verify=off", "\"verify\"", "tls="},
        {"rediss://h name=a,b", "name=a,b", "certificate"},
        {"rediss://h name=*.example", "name=*.example", "certificate"},
        {"redis://h ca=/ca.pem", "ca=", "rediss://"},
        {"redis://h cert=/c key=/k", "cert=", "rediss://"},
        {"redis://h key=/k", "key=", "rediss://"},
        {"redis://h name=n", "name=", "rediss://"},
        {"unix:/s ca=/ca.pem", "ca=", "leave it out"},
        {"rediss://h cert=/c", "cert= lacks its key=", "both"},
        {"rediss://h key=/k", "key= lacks its cert=", "both"},
        {"rediss://h ca=", "ca= has no value", "leave it out"},
        {"rediss://h ca=/a ca=/a", "ca= is given twice", "keep one"},
        {"redis://h tracking=maybe", "tracking=maybe", "tracking=off"},
        {"sentinel://", "sentinel://", "behind a slash"},
        {"sentinel://h", "sentinel://h", "behind a slash"},
        {"sentinel://h/", "sentinel://h/", "behind a slash"},
        {"sentinel://h/a/b", "sentinel://h/a/b", "behind a slash"},
        {"sentinel://h/a,b", "sentinel://h/a,b", "behind a slash"},
        {"sentinel:///main", "sentinel:///main", "names no host"},
        {"sentinel://,/main", "sentinel://,/main", "names no host"},
        {"sentinel://h,/main", "sentinel://h,/main", "names no host"},
        {"sentinel://h,,i/main", "sentinel://h,,i/main", "HOST:PORT/NAME"},
        {"sentinel://h:/main", "sentinel://h:/main", "1 to 65535"},
        {"sentinel://h,i:65536/main", "i:65536", "1 to 65535"},
        {"sentinel://::1/main", "sentinel://::1/main", "[ADDRESS]"},
        {"sentinel://[::1/main", "sentinel://[::1/main", "]"},
        {"sentinel://h,i,h:26379/main", "twice", "keep one"},
        {"sentinel://s@h/main", "@h/main", "sentinel_user="},
        {"redis://h sentinel_user=s", "sentinel_user=", "sentinel://"},
        {"redis://h sentinel_password_file=/s",
         "sentinel_password_file=", "sentinel://"},
        {"rediss://h sentinel_tls=on", "sentinel_tls=", "sentinel://"},
        {"sentinel://h/main sentinel_tls=off", "sentinel_tls=off",
         "sentinel_tls=on or leave it out"},
        {"sentinel://h/main sentinel_user=s",
         "sentinel_user=", "sentinel_password_file="},
        {"sentinel://h/main ca=/ca.pem", "ca=", "tls=on"},
        {"sentinel://h/main sentinel_tls=on name=n", "name=", "tls=on"},
    };
    for (const Mistake& c : cases) {
        const std::string problem = problem_of(c.text);
        check_that(c.text, problem.find(c.names) != std::string::npos);
        check_that(c.text, problem.find(c.remedy) != std::string::npos);
    }
}

void long_words_are_refused(void**)
{
    check_same("master", problem_of("sentinel://h/" + std::string(128, 'm')),
               "");
    check_that("master",
               !problem_of("sentinel://h/" + std::string(129, 'm')).empty());
    check_same("name", problem_of("rediss://h name=" + std::string(253, 'n')),
               "");
    check_that("name",
               !problem_of("rediss://h name=" + std::string(254, 'n')).empty());
    std::string many = "sentinel://h1";
    for (int i = 2; i <= 16; i++) {
        many += ",h" + std::to_string(i);
    }
    check_same("sentinels", problem_of(many + "/main"), "");
    check_that("sentinels",
               problem_of(many + ",h17/main").find("16") != std::string::npos);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(tls_is_read),
        cmocka_unit_test(sentinels_are_read),
        cmocka_unit_test(tracking_is_read),
        cmocka_unit_test(mistakes_are_refused_by_name),
        cmocka_unit_test(long_words_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
