// SPDX-License-Identifier: BSD-2-Clause
//
// T83: one dialogue with Redis, as a gate has it, in every split there is and
// with every byte spoiled. However the bytes come, a reply goes to the command
// it answers or to nobody.

#include "check.hpp"
#include "redis_talk.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using psm::RedisReply;
using psm::RedisSession;
using psm::RedisType;

std::string bulk(std::string_view text)
{
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) +
           "\r\n";
}

/// The replies of a dialogue, the greeting's first.
const std::vector<std::string>& replies()
{
    static const std::vector<std::string> all{
        "+OK\r\n",
        "+OK\r\n",
        "+OK\r\n",
        "+PONG\r\n",
        "$-1\r\n",
        bulk(R"({"v":1,"type":"resource","resources":{"main":"read"}})"),
        bulk(R"({"v":1,"privacy":"public"})"),
        "-LOADING Redis is loading\r\n",
        bulk(""),
        "+PONG\r\n",
    };
    return all;
}

constexpr std::size_t greetings = 3;
constexpr std::size_t nil_tag = 2; // PONG comes before it

std::string whole()
{
    std::string all;
    for (const std::string& reply : replies()) {
        all += reply;
    }
    return all;
}

/// A session that has asked for all of replies(), and what it heard.
class Dialogue {
public:
    Dialogue() : session_({}, &Dialogue::on_reply, this)
    {
        session_.start({.user = "psm-gate",
                        .password = "p",
                        .database = 3,
                        .client_name = "n"});
        for (std::size_t tag = 1; tag <= replies().size() - greetings; tag++) {
            check_that("asked", session_.command({"GET", "k"}, tag));
        }
    }

    Dialogue(const Dialogue&) = delete;
    Dialogue& operator=(const Dialogue&) = delete;
    ~Dialogue() = default;

    bool feed(std::string_view bytes) { return session_.feed(bytes); }

    [[nodiscard]] const RedisSession& session() const { return session_; }

    /// One entry for a reply: its bytes, so far as it has no elements.
    std::vector<std::string> heard;
    std::vector<std::size_t> nils; // the tags they came for

private:
    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply)
    {
        auto* const self = static_cast<Dialogue*>(context);
        check_equal("tags come in order", tag, self->heard.size() + 1);
        if (reply.type == RedisType::nil) {
            self->nils.push_back(tag);
        }
        self->heard.push_back(bytes_of(reply));
    }

    static std::string bytes_of(const RedisReply& reply)
    {
        const std::string text(reply.text);
        switch (reply.type) {
        case RedisType::nil:
            return "$-1\r\n";
        case RedisType::string:
            return bulk(text);
        case RedisType::status:
            return "+" + text + "\r\n";
        case RedisType::error:
            return "-" + text + "\r\n";
        case RedisType::integer:
            return ":" + std::to_string(reply.integer) + "\r\n";
        case RedisType::array:
            return "*" + std::to_string(reply.integer) + "\r\n";
        }
        return "?";
    }

    RedisSession session_;
};

/// The first `count` replies after the greeting were heard as they were sent.
void check_heard(std::string_view label, const Dialogue& dialogue,
                 std::size_t count)
{
    for (std::size_t i = 0; i < count; i++) {
        check_same(label, dialogue.heard.at(i), replies()[greetings + i]);
    }
}

/// How many replies are whole in the first `length` bytes.
std::size_t whole_replies(std::size_t length)
{
    std::size_t count = 0;
    std::size_t end = 0;
    for (const std::string& reply : replies()) {
        end += reply.size();
        if (end > length) {
            break;
        }
        count++;
    }
    return count;
}

void every_two_cuts_give_the_same_replies(void**)
{
    const std::string all = whole();
    const std::string_view bytes = all;
    const std::size_t commands = replies().size() - greetings;

    for (std::size_t first = 0; first <= all.size(); first++) {
        for (std::size_t second = first; second <= all.size(); second++) {
            Dialogue dialogue;
            check_that("1", dialogue.feed(bytes.substr(0, first)));
            check_that("2", dialogue.feed(bytes.substr(first, second - first)));
            check_that("3", dialogue.feed(bytes.substr(second)));
            check_equal("all", dialogue.heard.size(), commands);
            check_heard("in three pieces", dialogue, commands);
            check_equal("none is due", dialogue.session().outstanding(), 0);
        }
    }
}

void a_reply_counts_with_its_last_byte(void**)
{
    const std::string all = whole();
    const std::string_view bytes = all;
    const std::size_t commands = replies().size() - greetings;

    for (std::size_t step = 1; step <= 7; step++) {
        Dialogue dialogue;
        for (std::size_t at = 0; at < all.size(); at += step) {
            const std::string_view piece = bytes.substr(at, step);
            check_that("no harm", dialogue.feed(piece));
            const std::size_t count = whole_replies(at + piece.size());
            const std::size_t heard = count - std::min(count, greetings);
            check_equal("heard", dialogue.heard.size(), heard);
            check_equal("due", dialogue.session().outstanding(),
                        commands - heard);
            check_equal("ready", dialogue.session().ready(),
                        count >= greetings);
        }
        check_heard("in steps", dialogue, commands);
    }
}

/// The dialogue with a fault in reply `spoiled`, cut at every other place
/// around the fault: all before it is heard, and nothing is heard as nil that
/// was not.
void check_fault(const std::string& bytes, std::size_t at, std::size_t spoiled)
{
    const std::size_t commands = replies().size() - greetings;

    Dialogue dialogue;
    const std::string_view view = bytes;
    const bool sound =
        dialogue.feed(view.substr(0, at)) &&
        dialogue.feed(view.substr(at, 1)) &&
        dialogue.feed(view.substr(std::min(at + 1, view.size())));
    check_equal("sound", sound, !dialogue.session().broken());
    check_that("never more than asked", dialogue.heard.size() <= commands);
    check_equal("each command has at most one reply",
                dialogue.heard.size() + dialogue.session().outstanding(),
                commands);
    if (spoiled < greetings) {
        check_that("the greeting is answered with OK, or not at all",
                   !sound || dialogue.session().ready() ||
                       dialogue.heard.empty());
    } else {
        check_that("before the fault",
                   dialogue.heard.size() >= spoiled - greetings);
        check_heard("before the fault", dialogue, spoiled - greetings);
    }
    for (const std::size_t tag : dialogue.nils) {
        check_equal("nil", tag, nil_tag);
    }

    const std::size_t before = dialogue.heard.size();
    if (!sound) {
        check_that("broken for good", !dialogue.feed(whole()));
        check_equal("and silent", dialogue.heard.size(), before);
        check_that("for commands too", !dialogue.feed("+PONG\r\n"));
    }
}

void a_changed_byte_gives_nobody_the_wrong_reply(void**)
{
    const std::string all = whole();
    for (std::size_t at = 0; at < all.size(); at++) {
        for (int value = 0; value < 256; value++) {
            std::string bytes = all;
            if (bytes[at] != static_cast<char>(value)) {
                bytes[at] = static_cast<char>(value);
                check_fault(bytes, at, whole_replies(at));
            }
        }
    }
}

void a_byte_too_many_or_too_few_does_not_either(void**)
{
    const std::string all = whole();
    for (std::size_t at = 0; at < all.size(); at++) {
        const std::size_t spoiled = whole_replies(at);
        std::string less = all;
        less.erase(at, 1);
        // A digit less in a length, a sign less: then text is read as a
        // reply, which may be any but nil.
        check_fault(less, at, spoiled);

        for (const char more : {'\r', '\n', '\0', '$', '*', '-', '0', '9'}) {
            std::string grown = all;
            grown.insert(at, 1, more);
            check_fault(grown, at, spoiled);
        }
    }
}

std::string times(std::string_view text, int count)
{
    std::string all;
    for (int i = 0; i < count; i++) {
        all += text;
    }
    return all;
}

/// Replies that no Redis gives to GET, in place of the one after nil: none is
/// heard as anything else, and what is out of bounds ends the session.
void unreadable_replies_break_in_every_split(void**)
{
    const std::string bad[] = {
        "_\r\n",
        "#t\r\n",
        ",1.5\r\n",
        "(12\r\n",
        "%1\r\n+a\r\n+b\r\n",
        "~1\r\n+a\r\n",
        ">2\r\n+a\r\n+b\r\n",
        "=7\r\ntxt:abc\r\n",
        "!5\r\nERR x\r\n",
        "|1\r\n+a\r\n+b\r\n",
        "$-2\r\n",
        "$x\r\n",
        "$99999999999999999999\r\n",
        "*-2\r\n",
        "*17\r\n" + times("+a\r\n", 17),
        "*2147483647\r\n",
        "*9223372036854775807\r\n",
        times("*1\r\n", 5) + "+deep\r\n",
        times("*1\r\n", 100),
        ":1x\r\n",
        ":\r\n",
        "\r\n",
        std::string(3, '\0') + "\r\n",
        "HTTP/1.1 200 OK\r\n",
        "$3\r\nlonger\r\n",
    };
    const std::string before = replies()[0] + replies()[1] + replies()[2] +
                               replies()[3] + replies()[4];

    for (const std::string& one : bad) {
        for (std::size_t cut = 0; cut <= one.size(); cut++) {
            Dialogue dialogue;
            check_that(one,
                       dialogue.feed(before + one.substr(0, cut)) || cut > 0);
            const bool sound = dialogue.feed(one.substr(cut) + "+PONG\r\n");
            check_that(one, !sound);
            check_equal(one, dialogue.heard.size(), 2);
            check_that(one, !dialogue.session().error().empty());
        }
    }
}

/// A bulk string above the limit is given up before it is buffered whole, a
/// line that does not end too.
void endless_replies_break_in_pieces_of_any_size(void**)
{
    const psm::RedisLimits limits;
    for (const std::string head :
         {"$2147483647\r\n", "$70000\r\n", "+", "-", "$", "*", ":1"}) {
        for (const std::size_t piece :
             {std::size_t{61}, std::size_t{1024}, std::size_t{4096},
              std::size_t{65536}}) {
            Dialogue dialogue;
            check_that(head, dialogue.feed(replies()[0] + replies()[1] +
                                           replies()[2] + head));
            const std::string more(piece, '1');
            std::size_t fed = 0;
            while (dialogue.feed(more) && fed < 4 * limits.max_reply) {
                fed += piece;
            }
            check_that(head, dialogue.session().broken());
            check_that(head, fed < 2 * limits.max_reply);
            check_equal(head, dialogue.heard.size(), 0);
        }
    }
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_two_cuts_give_the_same_replies),
        cmocka_unit_test(a_reply_counts_with_its_last_byte),
        cmocka_unit_test(a_changed_byte_gives_nobody_the_wrong_reply),
        cmocka_unit_test(a_byte_too_many_or_too_few_does_not_either),
        cmocka_unit_test(unreadable_replies_break_in_every_split),
        cmocka_unit_test(endless_replies_break_in_pieces_of_any_size),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
