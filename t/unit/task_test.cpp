// SPDX-License-Identifier: BSD-2-Clause
//
// Tasks and the calls they wait for: what they return and throw, in what order
// they run, and that nothing is left where one is given up.

#include "check.hpp"

#include "../../lib/redis_port.hpp"
#include "../../lib/task.hpp"

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using psm::RedisCall;
using psm::RedisType;
using psm::RedisValue;
using psm::run_now;
using psm::Task;

/// Answers at once, or when it is told to.
class Port : public psm::RedisPort {
public:
    explicit Port(bool at_once) : at_once_(at_once) {}

    void begin(RedisCall& call) override
    {
        said.push_back(call.words().front());
        if (call.words().front() == "THROW") {
            throw std::runtime_error("thrown");
        }
        if (at_once_) {
            call.finish(answer_to(call));
        } else {
            waiting.push_back(&call);
        }
    }

    void forget(RedisCall& call) noexcept override
    {
        forgotten++;
        std::erase(waiting, &call);
    }

    [[noreturn]] void refuse(const std::string& command,
                             const std::string& error) const override
    {
        throw std::runtime_error(command + ": " + error);
    }

    void answer()
    {
        RedisCall* const call = waiting.front();
        waiting.pop_front();
        call->finish(answer_to(*call));
    }

    void lose()
    {
        RedisCall* const call = waiting.front();
        waiting.pop_front();
        call->fail(std::make_exception_ptr(std::runtime_error("lost")));
    }

    std::vector<std::string> said;
    std::deque<RedisCall*> waiting;
    int forgotten = 0;

private:
    static RedisValue answer_to(const RedisCall& call)
    {
        return {.type = RedisType::string, .text = "to " + call.words()[0]};
    }

    bool at_once_;
};

/// How many are alive.
class Counted {
public:
    explicit Counted(int& count) : count_(count) { count_++; }

    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    ~Counted() { count_--; }

private:
    int& count_;
};

Task<std::string> ask(Port& port, std::string word, int& alive)
{
    const Counted counted(alive);
    std::vector<std::string> words{word};
    RedisCall call(port, std::move(words));
    const RedisValue value = co_await call;
    co_return value.text;
}

Task<std::string> ask_twice(Port& port, int& alive)
{
    const Counted counted(alive);
    std::string text = co_await ask(port, "A", alive);
    text += ", ";
    text += co_await ask(port, "B", alive);
    co_return text;
}

Task<> end(Port& port, int& alive, bool& ended)
{
    const std::string text = co_await ask_twice(port, alive);
    check_same("what was asked for", text, "to A, to B");
    ended = true;
}

void what_is_answered_at_once_never_waits(void**)
{
    Port port(true);
    int alive = 0;
    check_same("value", run_now(ask_twice(port, alive)), "to A, to B");
    check_equal("frames", alive, 0);
    check_equal("forgotten", port.forgotten, 0);
}

void many_calls_need_no_stack(void**)
{
    Port port(true);
    int alive = 0;
    for (int i = 0; i < 100000; i++) {
        check_same("value", run_now(ask(port, "A", alive)), "to A");
        port.said.clear();
    }
}

void it_goes_on_when_it_is_answered(void**)
{
    Port port(false);
    int alive = 0;
    bool ended = false;
    Task<> task = end(port, alive, ended);
    check_equal("not yet", port.said.size(), 0);
    task.start();
    check_equal("waits", port.waiting.size(), 1);
    check_equal("frames", alive, 2);
    check_that("not done", !task.done());
    port.answer();
    check_same("the next", port.said.back(), "B");
    check_that("not done yet", !task.done());
    port.answer();
    check_that("done", task.done());
    check_that("ended", ended);
    task.take();
    check_equal("frames at the end", alive, 0);
    check_equal("forgotten", port.forgotten, 0);
}

void what_is_given_up_is_gone(void**)
{
    for (int answered = 0; answered < 2; answered++) {
        Port port(false);
        int alive = 0;
        bool ended = false;
        {
            Task<> task = end(port, alive, ended);
            task.start();
            if (answered == 1) {
                port.answer();
            }
            check_equal("frames", alive, 2);
        }
        check_equal("none", alive, 0);
        check_equal("forgotten", port.forgotten, 1);
        check_equal("waiting", port.waiting.size(), 0);
        check_that("not ended", !ended);
    }
}

void what_never_started_leaves_nothing(void**)
{
    Port port(false);
    int alive = 0;
    {
        const Task<std::string> task = ask_twice(port, alive);
    }
    check_equal("said", port.said.size(), 0);
    check_equal("forgotten", port.forgotten, 0);
}

template <typename Run>
std::string thrown_by(const Run& run)
{
    try {
        run();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "nothing";
}

void failures_reach_who_asked(void**)
{
    int alive = 0;
    Port lost(false);
    bool ended = false;
    Task<> task = end(lost, alive, ended);
    task.start();
    lost.lose();
    check_that("done", task.done());
    check_same("later", thrown_by([&] { task.take(); }), "lost");
    check_equal("frames", alive, 0);

    Port port(true);
    check_same("at once",
               thrown_by([&] { (void)run_now(ask(port, "THROW", alive)); }),
               "thrown");
    check_equal("frames then", alive, 0);
}

void a_moved_task_is_the_same(void**)
{
    Port port(false);
    int alive = 0;
    Task<std::string> first = ask(port, "A", alive);
    first.start();
    Task<std::string> second = std::move(first);
    port.answer();
    check_same("value", second.take(), "to A");
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_is_answered_at_once_never_waits),
        cmocka_unit_test(many_calls_need_no_stack),
        cmocka_unit_test(it_goes_on_when_it_is_answered),
        cmocka_unit_test(what_is_given_up_is_gone),
        cmocka_unit_test(what_never_started_leaves_nothing),
        cmocka_unit_test(failures_reach_who_asked),
        cmocka_unit_test(a_moved_task_is_the_same),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
