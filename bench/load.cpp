// SPDX-License-Identifier: BSD-2-Clause
//
// Asks nginx at a constant rate:
//   load PORT RATE SECONDS CONNECTIONS LINES HEADERS random|cycle SEED
// Request n is due at n/RATE seconds, whatever became of those before it. Its
// latency counts from then on, not from when a connection was free for it: a
// server that stands still for a while delays all that were due meanwhile, and
// all are counted (no coordinated omission). RATE 0 asks for each line once, as
// fast as the connections let it. At the end one line of JSON tells what came.

#include "http.hpp"

#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <random>

namespace {

using namespace bench;

struct Slot {
    std::unique_ptr<Connection> connection;
    Time due = 0;
    bool busy = false;
};

class Load {
public:
    Load(std::uint16_t port, std::size_t connections,
         std::vector<std::string> requests, bool cycle, unsigned seed)
        : requests_(std::move(requests)), random_(seed), cycle_(cycle),
          slots_(connections)
    {
        for (std::uint32_t n = 0; n < connections; ++n) {
            slots_[n].connection = std::make_unique<Connection>(port);
            poll_.add(slots_[n].connection->fd(), n);
            free_.push_back(n);
        }
        next_ = cycle ? random_() % requests_.size() : 0;
    }

    void at_rate(double rate, double seconds)
    {
        const auto total = static_cast<std::size_t>(rate * seconds);
        latencies_.reserve(total);
        const Time begin = now() + 10'000'000;
        const Time limit = begin + static_cast<Time>((seconds + 30) * 1e9);
        const auto due = [&](std::size_t n) {
            return begin +
                   static_cast<Time>(static_cast<double>(n) * 1e9 / rate);
        };
        std::size_t made = 0;
        while (latencies_.size() < total) {
            const Time time = now();
            while (made < total && due(made) <= time) {
                backlog_.push_back(due(made++));
            }
            most_ = std::max(most_, backlog_.size());
            send_some();
            wait(made < total ? due(made) : time + 100'000'000);
            if (time > limit) {
                throw std::runtime_error("answers are overdue");
            }
        }
    }

    void each_once()
    {
        cycle_ = true;
        next_ = 0;
        const Time begin = now();
        backlog_.assign(requests_.size(), begin);
        while (latencies_.size() < requests_.size()) {
            send_some();
            wait(now() + 100'000'000);
            if (now() > begin + 60'000'000'000) {
                throw std::runtime_error("answers are overdue");
            }
        }
    }

    void print()
    {
        std::sort(latencies_.begin(), latencies_.end());
        const auto at = [&](double part) {
            const auto last = static_cast<double>(latencies_.size() - 1);
            return static_cast<double>(
                       latencies_[static_cast<std::size_t>(part * last)]) /
                   1e3;
        };
        std::printf("{\"requests\": %zu, \"p50\": %.1f, \"p90\": %.1f, "
                    "\"p99\": %.1f, \"max\": %.1f, \"backlog\": %zu, "
                    "\"statuses\": {",
                    latencies_.size(), at(0.5), at(0.9), at(0.99), at(1),
                    most_);
        const char* comma = "";
        for (const auto& [status, count] : statuses_) {
            std::printf("%s\"%d\": %zu", comma, status, count);
            comma = ", ";
        }
        std::printf("}}\n");
    }

private:
    void send_some()
    {
        while (!free_.empty() && !backlog_.empty()) {
            auto& slot = slots_[free_.back()];
            free_.pop_back();
            slot.due = backlog_.front();
            backlog_.pop_front();
            slot.busy = true;
            slot.connection->ask(requests_[next()]);
        }
    }

    std::size_t next()
    {
        if (!cycle_) {
            return random_() % requests_.size();
        }
        const auto one = next_;
        next_ = (next_ + 1) % requests_.size();
        return one;
    }

    void wait(Time until)
    {
        poll_.wait(until, [this](std::uint32_t n) {
            auto& slot = slots_[n];
            const auto answer = slot.connection->read();
            if (!answer) {
                return;
            }
            if (!slot.busy) {
                throw std::runtime_error("an answer to no request");
            }
            slot.busy = false;
            free_.push_back(n);
            ++statuses_[answer->status];
            latencies_.push_back(now() - slot.due);
        });
    }

    std::vector<std::string> requests_;
    std::minstd_rand random_;
    bool cycle_;
    std::size_t next_ = 0;
    Poll poll_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::deque<Time> backlog_; // when they were due
    std::size_t most_ = 0;
    std::vector<Time> latencies_;
    std::map<int, std::size_t> statuses_;
};

void run(char** words)
{
    auto requests = lines_of(words[5]);
    const auto headers = lines_of(words[6]);
    for (auto& one : requests) {
        one = request_for(one, headers);
    }
    const auto rate = number_of<double>(words[2]);
    Load load{number_of<std::uint16_t>(words[1]),
              number_of<std::size_t>(words[4]), std::move(requests),
              std::string_view{words[7]} == "cycle",
              number_of<unsigned>(words[8]) + 1};
    if (rate > 0) {
        load.at_rate(rate, number_of<double>(words[3]));
    } else {
        load.each_once();
    }
    load.print();
}

} // namespace

int main(int count, char** words)
{
    try {
        if (count != 9) {
            throw std::runtime_error("eight words are needed");
        }
        run(words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "load: %s\n", error.what());
        return 1;
    }
}
