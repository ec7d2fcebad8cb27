// SPDX-License-Identifier: BSD-2-Clause
//
// What comes on an invalidation connection, in any split. Input: a character
// that says whether the greeting is over, one for the PINGs given before, two
// seeds, then all that Redis sends.
//
// Whatever the bytes are: cut in other ways they tell the same; nothing is
// told behind a doubt; a connection that was live, and is doubted for a
// message, has told that everything goes; nothing is proven beyond the PINGs
// that were given, or not in their order.

#include "fuzz.hpp"

#include "../../lib/redis_tracking.hpp"

#include <algorithm>
#include <random>
#include <string>

namespace {

using fuzz::hold;
using fuzz::same;

const std::string greeting =
    "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
    "$59\r\n# Server\r\nrun_id:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n"
    ":5\r\n+OK\r\n"
    "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n";

/// One run over the bytes; events are written down.
class Run {
public:
    Run()
        : tracking_(
              {.context = this,
               .changed =
                   [](void* context, std::string_view key) {
                       self(context)->tell("key " + std::string(key));
                   },
               .flush =
                   [](void* context, psm::Flush why) {
                       self(context)->flushed = true;
                       self(context)->tell(
                           "flush " + std::to_string(static_cast<int>(why)));
                   },
               .now = [](void* context) { return ++self(context)->now; }}),
          session_({.max_reply = 4096, .max_elements = 64},
                   &psm::RedisTracking::on_reply, &tracking_)
    {
        session_.start({});
        hold(tracking_.greet(session_, "psm:"), "greeted");
    }

    void go_live(std::size_t pings)
    {
        hold(session_.feed(greeting) && tracking_.live(), "the greeting");
        first_ping = now;
        for (std::size_t i = 0; i < pings; i++) {
            hold(tracking_.ping(), "a PING");
        }
        flushed = false;
        events.clear();
    }

    void feed(std::string_view bytes)
    {
        const std::uint64_t before = tracking_.proven();
        sound = sound && session_.feed(bytes);
        hold(tracking_.proven() >= before, "nothing is taken back");
        hold(tracking_.proven() <= now, "nothing is proven ahead");
    }

    /// All there is to see.
    [[nodiscard]] std::string story() const
    {
        return events + "; live " + std::to_string(tracking_.live()) +
               ", proven " + std::to_string(tracking_.proven()) + ", waits " +
               std::to_string(tracking_.waiting_since()) + ", doubt " +
               tracking_.doubt() + ", error " + session_.error();
    }

    [[nodiscard]] bool doubted() const { return !tracking_.doubt().empty(); }

    /// A PING was answered by an error that passes: no message was lost.
    [[nodiscard]] bool put_off() const
    {
        return tracking_.doubt().starts_with("Redis answered PING with ");
    }

    [[nodiscard]] bool live() const { return tracking_.live(); }

    std::string events;
    std::uint64_t now = 0;
    std::uint64_t first_ping = 0;
    bool flushed = false;
    bool sound = true;

private:
    static Run* self(void* context) { return static_cast<Run*>(context); }

    void tell(const std::string& event)
    {
        hold(!doubted(), "nothing is told behind a doubt", {event});
        events += event + ";";
    }

    psm::RedisTracking tracking_;
    psm::RedisSession session_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    const bool live = input.flag();
    const std::size_t pings = input.pick(4);
    const std::uint8_t seeds[] = {input.byte(), input.byte()};
    const std::string_view bytes = input.rest();

    const auto begin = [&](Run& run) {
        if (live) {
            run.go_live(pings);
        }
    };

    Run whole;
    begin(whole);
    whole.feed(bytes);
    hold(!live || !whole.doubted() || whole.flushed || whole.put_off(),
         "what is not understood empties the cache", {whole.story()});
    hold(whole.live() || whole.events.find("flush 0") == std::string::npos,
         "nothing is subscribed before it is live", {whole.story()});

    for (const std::uint8_t seed : seeds) {
        std::minstd_rand random(seed + 1U);
        Run cut;
        begin(cut);
        for (std::string_view rest = bytes; !rest.empty();) {
            const std::size_t n = 1 + random() % (seed % 2 == 0 ? 1 : 40);
            cut.feed(rest.substr(0, n));
            rest.remove_prefix(std::min(rest.size(), n));
        }
        same(cut.story(), whole.story(), "another split", {bytes});
    }
    return 0;
}
