// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/redis_node.hpp"
#include "../../lib/redis_tracking.hpp"

#include <string>
#include <vector>

namespace {

using psm::Flush;
using psm::RedisReply;
using psm::RedisSession;
using psm::RedisTracking;
using psm::RedisType;

const std::string run_id(40, 'a');
const std::string master = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
const std::string info =
    "$64\r\n# Server\r\nrun_id:" + run_id + "\r\nx:1\r\n\r\n";
const std::string subscribed =
    "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n";
const std::string message =
    "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";

/// A tracking connection whose news are written down.
struct Stream {
    Stream()
        : tracking({.context = this,
                    .changed =
                        [](void* context, std::string_view key) {
                            self(context)->heard += std::string(key) + ";";
                        },
                    .flush =
                        [](void* context, Flush why) {
                            self(context)->heard +=
                                "flush " +
                                std::to_string(static_cast<int>(why)) + ";";
                        },
                    .now = [](void* context) { return self(context)->now; }}),
          session({}, &RedisTracking::on_reply, &tracking)
    {
        session.start({});
        check_that("greeted", tracking.greet(session, "p:"));
    }

    static Stream* self(void* context) { return static_cast<Stream*>(context); }

    void feed(std::string_view bytes)
    {
        check_that("fed", session.feed(bytes));
    }

    void go_live()
    {
        feed(master + info + ":5\r\n+OK\r\n" + subscribed);
        check_that("live", tracking.live());
        heard.clear();
    }

    /// What would be sent now; it counts as sent.
    std::string output()
    {
        std::string bytes(session.output());
        session.sent(bytes.size());
        return bytes;
    }

    std::string heard;
    std::uint64_t now = 1000;
    RedisTracking tracking;
    RedisSession session;
};

void the_greeting_is_to_the_letter(void**)
{
    Stream s;
    check_same("first", s.output(),
               "*1\r\n$4\r\nROLE\r\n*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"
               "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n");
    s.feed(master + info);
    check_same("waits for the id", s.output(), "");
    s.feed(":57\r\n");
    check_same("then", s.output(),
               "*10\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n"
               "$8\r\nREDIRECT\r\n$2\r\n57\r\n$5\r\nBCAST\r\n"
               "$6\r\nPREFIX\r\n$4\r\np:t:\r\n$6\r\nPREFIX\r\n$4\r\np:c:\r\n"
               "*2\r\n$9\r\nSUBSCRIBE\r\n$20\r\n__redis__:invalidate\r\n");
    s.feed("+OK\r\n");
    check_that("not before the subscription", !s.tracking.live());
    check_same("nothing told", s.heard, "");
    s.now = 2000;
    s.feed(subscribed);
    check_that("live", s.tracking.live());
    check_same("everything goes", s.heard, "flush 0;");
    check_equal("proven by the sending", s.tracking.proven(), 1000);
    check_same("the server", s.tracking.run_id(), run_id);
}

void it_works_in_any_split(void**)
{
    Stream s;
    const std::string all = master + info + ":5\r\n+OK\r\n" + subscribed +
                            message + "*1\r\n$3\r\nkey\r\n";
    for (const char c : all) {
        s.feed({&c, 1});
    }
    check_same("heard", s.heard, "flush 0;key;");
}

void changes_are_told(void**)
{
    Stream s;
    s.go_live();
    s.feed(message + "*1\r\n$5\r\np:t:a\r\n");
    s.feed(message + "*2\r\n$5\r\np:t:b\r\n$5\r\np:c:c\r\n");
    s.feed(message + "*0\r\n");
    check_same("keys", s.heard, "p:t:a;p:t:b;p:c:c;");
    s.heard.clear();
    s.feed(message + "$-1\r\n");
    check_same("all", s.heard, "flush 1;");
    s.heard.clear();
    s.feed(message + "$5\r\np:t:a\r\n");
    check_same("a PUBLISH", s.heard, "flush 2;");
    check_same("goes on", s.tracking.doubt(), "");
    check_that("goes on", s.tracking.live());
}

void a_change_before_the_subscription_counts(void**)
{
    Stream s;
    s.feed(master + info + ":5\r\n+OK\r\n" + message + "*1\r\n$1\r\nk\r\n");
    check_same("told", s.heard, "k;");
    s.feed(subscribed);
    check_same("and goes with the rest", s.heard, "k;flush 0;");
}

void a_pong_proves_up_to_the_sending_of_its_ping(void**)
{
    Stream s;
    s.go_live();
    (void)s.output();
    s.now = 5000;
    check_that("first", s.tracking.ping());
    s.now = 5250;
    check_that("second", s.tracking.ping());
    check_same(
        "frames", s.output(),
        "*2\r\n$4\r\nPING\r\n$1\r\n0\r\n*2\r\n$4\r\nPING\r\n$1\r\n1\r\n");
    check_equal("waits for the first", s.tracking.waiting_since(), 5000);
    s.now = 9000;
    s.feed("*2\r\n$4\r\npong\r\n$1\r\n0\r\n");
    check_equal("proven", s.tracking.proven(), 5000);
    check_equal("waits for the second", s.tracking.waiting_since(), 5250);
    s.feed("*2\r\n$4\r\npong\r\n$1\r\n1\r\n");
    check_equal("proven", s.tracking.proven(), 5250);
    check_equal("waits for none", s.tracking.waiting_since(), 0);
}

void what_is_not_understood_ends_it(void**)
{
    const std::vector<std::string> messages{
        "*2\r\n$4\r\npong\r\n$1\r\n7\r\n",
        "*2\r\n$4\r\npong\r\n$-1\r\n",
        "+PONG\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*0\r\n",
        "*1\r\n$7\r\nmessage\r\n",
        "-ERR what\r\n",
        subscribed,
        "*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n*1\r\n$1\r\nk\r\n",
        "*3\r\n$8\r\npmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$"
        "1\r\nk\r\n",
        "*2\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n",
        "*4\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n$"
        "1\r\nk\r\n",
        message + "*1\r\n:1\r\n",
        message + "*1\r\n*1\r\n$1\r\nk\r\n",
        message + "*1\r\n$-1\r\n",
        message + ":1\r\n",
        "*3\r\n$11\r\nunsubscribe\r\n$20\r\n__redis__:invalidate\r\n:0\r\n",
    };
    for (const std::string& bytes : messages) {
        Stream s;
        s.go_live();
        s.feed(bytes);
        check_same(bytes, s.heard, "flush 3;");
        check_that(bytes, !s.tracking.doubt().empty());
        s.feed(message + "*1\r\n$1\r\nk\r\n");
        check_same("nothing behind it counts", s.heard, "flush 3;");
    }
}

// Nothing is known to have changed: what is fresh stays so for its lease.
void a_busy_redis_is_a_lost_stream(void**)
{
    for (const std::string bytes :
         {"-BUSY Redis is busy running a script\r\n",
          "-LOADING Redis is loading the dataset in memory\r\n",
          "-MASTERDOWN Link with MASTER is down\r\n"}) {
        Stream s;
        s.go_live();
        s.feed(bytes);
        check_same(bytes, s.heard, "");
        check_that(bytes, !s.tracking.doubt().empty());
        check_that("it may be tried again", !s.tracking.refused());
    }
}

struct Refusal {
    std::string bytes;
    std::string doubt;
    bool refused;
};

void a_greeting_that_fails_says_why(void**)
{
    const std::string id = ":5\r\n";
    const std::vector<Refusal> cases{
        {"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n",
         "Redis is no master but a slave, which may be told of a change too "
         "late",
         true},
        {"-NOPERM no\r\n", "Redis answered ROLE with NOPERM no", true},
        {"-LOADING wait\r\n", "Redis answered ROLE with LOADING wait", false},
        {"-ERR max number of clients reached\r\n",
         "Redis answered ROLE with ERR max number of clients reached", false},
        {master + "-NOPERM no\r\n", "Redis answered INFO server with NOPERM no",
         true},
        {master + "$3\r\nabc\r\n",
         "Redis answered INFO server with something else", true},
        {master + info + "-NOPERM no\r\n",
         "Redis answered CLIENT ID with NOPERM no", true},
        {master + info + id + "-ERR no such thing\r\n",
         "Redis answered CLIENT TRACKING with ERR no such thing", true},
        {master + info + id + "+OK\r\n-NOPERM no\r\n",
         "Redis answered SUBSCRIBE with NOPERM no", true},
    };
    for (const Refusal& c : cases) {
        Stream s;
        s.feed(c.bytes);
        check_same(c.bytes, s.tracking.doubt(), c.doubt);
        check_equal(c.bytes, s.tracking.refused(), c.refused);
        check_that(c.bytes, !s.tracking.live());
        check_same(c.bytes, s.heard, "");
    }
}

void a_run_id_is_read_strictly(void**)
{
    RedisReply reply;
    reply.type = RedisType::string;
    const std::string good = "a:b\r\nrun_id:" + run_id + "\r\n";
    reply.text = good;
    check_same("good", psm::run_id_of(reply), run_id);
    const std::string cut = good.substr(0, good.size() - 3);
    reply.text = cut;
    check_same("cut", psm::run_id_of(reply), "");
    const std::string upper = "\nrun_id:" + std::string(40, 'A') + "\r\n";
    reply.text = upper;
    check_same("upper case", psm::run_id_of(reply), "");
    reply.type = RedisType::error;
    reply.text = good;
    check_same("an error", psm::run_id_of(reply), "");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_greeting_is_to_the_letter),
        cmocka_unit_test(it_works_in_any_split),
        cmocka_unit_test(changes_are_told),
        cmocka_unit_test(a_change_before_the_subscription_counts),
        cmocka_unit_test(a_pong_proves_up_to_the_sending_of_its_ping),
        cmocka_unit_test(what_is_not_understood_ends_it),
        cmocka_unit_test(a_busy_redis_is_a_lost_stream),
        cmocka_unit_test(a_greeting_that_fails_says_why),
        cmocka_unit_test(a_run_id_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
