// SPDX-License-Identifier: BSD-2-Clause
//
// A conversation with Redis in any split (T82, T83). Input: a line of
// characters that set the scene (greeting, limits, commands, two seeds), a
// line with a key to ask for, then all that Redis sends.
//
// Cut in three ways, the bytes must give the events that resp.hpp reads out
// of them: so nothing is ever lost, made up or given to another command, and
// nothing follows a failure.

#include "fuzz.hpp"
#include "resp.hpp"

#include "../../lib/redis_session.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <vector>

namespace {

using fuzz::hold;
using fuzz::same;
using psm::RedisReply;
using psm::RedisSession;
using psm::RedisType;

constexpr std::string_view password = "open-sesame";

struct Scene {
    psm::RedisCredentials credentials;
    std::vector<std::string> steps; // of the greeting
    psm::RedisLimits limits;
    std::size_t commands = 0; // given at once
    std::size_t chained = 0;  // given by the handler
    std::array<std::uint8_t, 2> seeds{};
    std::string_view key;
    std::string_view bytes;
};

Scene read_scene(fuzz::Input& input)
{
    static constexpr std::array<std::size_t, 4> replies{65792, 0, 8, 100};
    static constexpr std::array<std::size_t, 4> elements{16, 0, 1, 3};
    const auto line = input.line();
    fuzz::Input options(reinterpret_cast<const std::uint8_t*>(line.data()),
                        line.size());
    Scene scene;
    const auto greeting = options.pick(4);
    if (greeting >= 1) {
        scene.credentials.password = password;
        scene.steps.emplace_back("AUTH");
    }
    if (greeting >= 2) {
        scene.credentials.user = "psm-gate";
        scene.credentials.client_name = "name";
        scene.steps.emplace_back("SETNAME");
    }
    if (greeting == 3) {
        scene.credentials.database = 7;
        scene.steps.insert(scene.steps.begin() + 1, "SELECT");
    }
    scene.limits.max_reply = options.of(replies);
    scene.limits.max_elements = options.of(elements);
    scene.commands = options.pick(16);
    scene.limits.max_outstanding = options.flag() ? 3 : 1024;
    scene.commands = std::min(scene.commands, scene.limits.max_outstanding);
    scene.chained = options.pick(4);
    scene.seeds = {options.byte(), options.byte()};
    scene.key = input.line();
    scene.bytes = input.rest();
    return scene;
}

/// What there is to see of a session, from outside.
struct Story {
    std::string events;
    bool broken = false;
    bool refused = false;
    bool ready = false;
    std::size_t outstanding = 0;
    bool in_auth = false; // it broke there; expected only
};

/// The contract of redis_session.hpp over resp.hpp's replies.
class Expected {
public:
    explicit Expected(const Scene& scene) : chained_(scene.chained)
    {
        steps_.assign(scene.steps.begin(), scene.steps.end());
        for (std::size_t i = 1; i <= scene.commands; i++) {
            tags_.push_back(i);
        }
        resp::Parser parser(scene.bytes, scene.limits);
        resp::Reply reply;
        auto state = resp::State::whole;
        while (!story.broken) {
            state = parser.next(reply);
            if (state != resp::State::whole) {
                break;
            }
            take(reply);
        }
        story.broken = story.broken || state == resp::State::wrong;
        story.ready = !story.broken && steps_.empty();
        story.outstanding = tags_.size();
    }

    Story story;

private:
    void take(const resp::Reply& reply)
    {
        if (!steps_.empty()) {
            greet(reply);
        } else if (tags_.empty()) {
            story.broken = true;
        } else {
            const auto tag = tags_.front();
            tags_.pop_front();
            story.events += std::to_string(tag) + "=" + reply.described + ";";
            if (chained_ > 0) {
                chained_--;
                tags_.push_back(tag + 100);
            }
        }
    }

    void greet(const resp::Reply& reply)
    {
        const bool well = (reply.type == '+' && reply.text == "OK") ||
                          (reply.type == '-' && steps_.front() == "SETNAME");
        if (well) {
            steps_.pop_front();
            return;
        }
        story.broken = true;
        story.in_auth = steps_.front() == "AUTH";
        story.refused = reply.type == '-' && !passes_by_itself(reply.text);
    }

    static bool passes_by_itself(const std::string& text)
    {
        static constexpr std::array<std::string_view, 7> codes{
            "LOADING",  "BUSY",       "MASTERDOWN", "CLUSTERDOWN",
            "TRYAGAIN", "NOREPLICAS", "OOM"};
        return std::ranges::count(codes, text.substr(0, text.find(' '))) > 0 ||
               text.starts_with("ERR max number of clients");
    }

    std::deque<std::string> steps_;
    std::deque<std::uint64_t> tags_;
    std::size_t chained_;
};

std::string describe(const RedisReply& reply)
{
    static constexpr std::string_view types = "_$+-:*";
    std::string text(1, types[static_cast<std::size_t>(reply.type)]);
    if (reply.type == RedisType::integer || reply.type == RedisType::array) {
        text += std::to_string(reply.integer);
    }
    return text + std::string(reply.text) + " ";
}

std::string framed(std::initializer_list<std::string_view> words)
{
    auto text = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto word : words) {
        text += "$" + std::to_string(word.size()) + "\r\n";
        text += std::string(word) + "\r\n";
    }
    return text;
}

/// A session of the library that is told the scene.
class Actual {
public:
    Actual(const Scene& scene, std::uint8_t seed)
        : scene_(scene), chained_(scene.chained), whole_(seed == 0),
          random_(seed + 1U), session_(scene.limits, &Actual::on_reply, this)
    {
    }

    Story play()
    {
        session_.start(scene_.credentials);
        for (std::size_t i = 1; i <= scene_.commands; i++) {
            hold(session_.command({"GET", scene_.key}, i), "a command");
        }
        if (scene_.commands == scene_.limits.max_outstanding) {
            hold(!session_.command({"PING"}, 99), "the limit of commands");
        }
        send();
        for (auto left = scene_.bytes; !left.empty();) {
            // A block of its own, so that a read behind its end is seen.
            const std::string part(left.substr(0, step()));
            left.remove_prefix(part.size());
            hold(session_.feed(part) == !session_.broken(), "feed tells");
            if (session_.broken()) {
                break;
            }
        }
        story_.broken = session_.broken();
        story_.refused = session_.refused();
        story_.ready = session_.ready();
        story_.outstanding = session_.outstanding();
        after_failure();
        return story_;
    }

    [[nodiscard]] const std::string& error() const { return session_.error(); }

private:
    /// Seed 0 feeds all at once.
    std::size_t step()
    {
        if (whole_) {
            return scene_.bytes.size();
        }
        return 1 + random_() % 7 * (random_() % 3);
    }

    /// What goes out is the commands, however it is sent.
    void send()
    {
        std::string sent;
        while (!session_.output().empty()) {
            const auto part = session_.output().substr(0, 1 + random_() % 40);
            sent += part;
            session_.sent(part.size());
        }
        std::string expected;
        for (const auto& step : scene_.steps) {
            expected += step == "SELECT"    ? framed({"SELECT", "7"})
                        : step == "SETNAME" ? framed({"CLIENT", step, "name"})
                        : scene_.credentials.user.empty()
                            ? framed({"AUTH", password})
                            : framed({"AUTH", "psm-gate", password});
        }
        for (std::size_t i = 0; i < scene_.commands; i++) {
            expected += framed({"GET", scene_.key});
        }
        same(sent, expected, "the commands, framed by their lengths");
    }

    void after_failure()
    {
        if (!session_.broken()) {
            hold(session_.error().empty() && !session_.refused(),
                 "all is well");
            return;
        }
        const auto events = story_.events;
        hold(!session_.feed("+OK\r\n:1\r\n"), "broken for good");
        hold(!session_.command({"PING"}, 7), "no command any more");
        same(story_.events, events, "nothing after a failure");
        const auto& error = session_.error();
        hold(error.size() < 400 &&
                 std::ranges::all_of(
                     error, [](char c) { return c >= 0x20 && c <= 0x7e; }),
             "an error fit for a log line", {error});
    }

    static void on_reply(void* context, std::uint64_t tag,
                         const RedisReply& reply)
    {
        auto* const self = static_cast<Actual*>(context);
        auto& events = self->story_.events;
        events += std::to_string(tag) + "=" + describe(reply);
        for (const auto& element : reply.elements) {
            events += describe(element);
        }
        events += ";";
        if (self->chained_ > 0) {
            self->chained_--;
            hold(self->session_.command({"PING"}, tag + 100), "a command more");
        }
    }

    const Scene& scene_;
    std::size_t chained_;
    bool whole_;
    std::minstd_rand random_;
    RedisSession session_;
    Story story_;
};

void compare(const Scene& scene, const Story& expected, std::uint8_t seed)
{
    Actual actual(scene, seed);
    const auto story = actual.play();
    const auto& error = actual.error();
    same(story.events, expected.events, "the replies, in order",
         {scene.bytes, error});
    hold(story.broken == expected.broken, "broken or not",
         {scene.bytes, error});
    hold(story.refused == expected.refused, "refused or not",
         {scene.bytes, error});
    hold(story.ready == expected.ready, "ready or not", {scene.bytes, error});
    hold(story.outstanding == expected.outstanding, "what is still to come",
         {scene.bytes, error});
    hold(!expected.in_auth || error.find(password) == std::string::npos,
         "no password in an error", {scene.bytes, error});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    const auto scene = read_scene(input);
    const Expected expected(scene);
    compare(scene, expected.story, 0);
    compare(scene, expected.story, scene.seeds[0]);
    compare(scene, expected.story, scene.seeds[1]);
    return 0;
}
