// SPDX-License-Identifier: BSD-2-Clause
//
// How long a revoked token is still let in, over all workers of an nginx:
//   revoke PORT WORKERS REDIS VICTIMS TOMBSTONE HEADERS
// A line of VICTIMS is a path and the Redis key of its token; the server tells
// its worker in X-Worker. For each victim, in turn: every worker is made to
// remember it; then two connections to each worker ask for it again and again,
// each a short while after its last answer; meanwhile the key is deleted (every
// other one is overwritten by the record TOMBSTONE) and Redis's reply is taken
// for the acknowledgement. What counts is the last request that was let in,
// by when it was sent and by when its answer had come. At the end one line of
// JSON, in microseconds after the acknowledgement; 0 is "none after it".

#include "http.hpp"

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <sys/un.h>

namespace {

using namespace bench;

constexpr std::size_t per_worker = 2;
constexpr int max_connections = 200;
constexpr Time pause = 150'000;          // between answer and next request
constexpr Time before = 3'000'000;       // asking, until the revocation
constexpr Time spread = 4'000'000;       // and up to this much longer
constexpr Time patience = 2'000'000'000; // after it
constexpr int most_late = 5;             // then there is nothing to measure
constexpr int enough = 3; // refusals of requests sent after the acknowledgement

struct Probe {
    std::unique_ptr<Connection> connection;
    std::string worker;
    Time sent = 0;
    Time next = 0;
    bool busy = false;
    int refused = 0;
};

struct Result {
    Time acknowledged = 0;
    Time last_sent = 0;
    Time last_come = 0;
    int unavailable = 0; // 503
    int returned = 0;    // let in by a worker that had refused before
    bool in_time = true;
};

class Redis {
public:
    explicit Redis(std::string_view path)
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (connect(fd_, reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) != 0) {
            throw std::runtime_error("Redis does not accept a connection");
        }
    }

    Redis(const Redis&) = delete;
    Redis& operator=(const Redis&) = delete;

    ~Redis() { close(fd_); }

    [[nodiscard]] int fd() const { return fd_; }

    void send_words(std::initializer_list<std::string_view> words) const
    {
        auto text = "*" + std::to_string(words.size()) + "\r\n";
        for (const auto word : words) {
            text += "$" + std::to_string(word.size()) + "\r\n";
            text.append(word).append("\r\n");
        }
        (void)!send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    }

    /// The reply to either command is one short line.
    void read_reply() const
    {
        char line[64] = {};
        const auto got = recv(fd_, line, sizeof line - 1, 0);
        if (got < 3 || (std::strcmp(line, ":1\r\n") != 0 && line[0] != '+')) {
            throw std::runtime_error(std::string{"Redis answers "} + line);
        }
    }

private:
    int fd_;
};

class Revoker {
public:
    Revoker(std::uint16_t port, std::size_t workers, std::string_view redis,
            std::string_view first)
        : redis_(redis)
    {
        std::map<std::string, std::size_t> found;
        for (int tries = 0;
             tries < max_connections && probes_.size() < workers * per_worker;
             ++tries) {
            Probe probe;
            probe.connection = std::make_unique<Connection>(port);
            probe.worker = probe.connection->get(first).value("X-Worker");
            if (found[probe.worker]++ < per_worker) {
                probes_.push_back(std::move(probe));
            }
        }
        if (probes_.size() < workers * per_worker) {
            throw std::runtime_error("not every worker was reached");
        }
        for (std::uint32_t n = 0; n < probes_.size(); ++n) {
            poll_.add(probes_[n].connection->fd(), n);
        }
        poll_.add(redis_.fd(), redis_number);
    }

    Result revoke(std::string_view request, std::string_view key,
                  std::string_view tombstone)
    {
        result_ = {};
        refusing_.clear();
        const Time begin = now();
        for (auto& probe : probes_) {
            if (probe.connection->get(request).status != 200) {
                throw std::runtime_error("a token is refused from the start");
            }
            probe.next = begin;
            probe.refused = 0;
        }
        const Time at = now() + before + static_cast<Time>(random_()) % spread;
        bool asked = false;
        while (!done()) {
            if (!asked && now() >= at) {
                asked = true;
                if (tombstone.empty()) {
                    redis_.send_words({"DEL", key});
                } else {
                    redis_.send_words({"SET", key, tombstone});
                }
            }
            turn(request, asked ? now() + 1'000'000'000 : at);
            if (now() > at + patience) {
                result_.in_time = false;
                break;
            }
        }
        drain(request);
        return result_;
    }

private:
    static constexpr std::uint32_t redis_number = UINT32_MAX;

    [[nodiscard]] bool done() const
    {
        return std::all_of(
            probes_.begin(), probes_.end(),
            [](const Probe& probe) { return probe.refused >= enough; });
    }

    void turn(std::string_view request, Time until)
    {
        for (auto& probe : probes_) {
            if (!probe.busy && probe.next <= now()) {
                probe.busy = true;
                probe.sent = now();
                probe.connection->ask(request);
            } else if (!probe.busy) {
                until = std::min(until, probe.next);
            }
        }
        poll_.wait(until, [this](std::uint32_t n) {
            if (n == redis_number) {
                redis_.read_reply();
                result_.acknowledged = now();
            } else {
                read(probes_[n]);
            }
        });
    }

    void read(Probe& probe)
    {
        const auto answer = probe.connection->read();
        if (!answer) {
            return;
        }
        const Time come = now();
        probe.busy = false;
        probe.next = ending_ ? INT64_MAX : come + pause;
        if (answer->status == 200) {
            result_.last_sent = std::max(result_.last_sent, probe.sent);
            result_.last_come = std::max(result_.last_come, come);
            // Another connection's refusal may be older than this answer.
            const auto found = refusing_.find(probe.worker);
            if (found != refusing_.end() && found->second < probe.sent) {
                ++result_.returned;
            }
            probe.refused = 0;
            return;
        }
        if (answer->status == 401) {
            refusing_.try_emplace(probe.worker, come);
        } else {
            ++result_.unavailable;
        }
        if (result_.acknowledged != 0 && probe.sent > result_.acknowledged) {
            ++probe.refused;
        }
    }

    /// What is under way comes in, so that the next victim starts afresh.
    void drain(std::string_view request)
    {
        ending_ = true;
        for (auto& probe : probes_) {
            probe.next = INT64_MAX;
        }
        while (std::any_of(probes_.begin(), probes_.end(),
                           [](const Probe& probe) { return probe.busy; })) {
            turn(request, now() + 1'000'000'000);
        }
        ending_ = false;
    }

    Redis redis_;
    std::vector<Probe> probes_;
    Poll poll_;
    std::minstd_rand random_{7};
    bool ending_ = false;
    Result result_;
    std::map<std::string, Time> refusing_; // a worker, since when
};

void print_list(const char* name, const std::vector<Time>& times)
{
    std::printf("\"%s\": [", name);
    for (std::size_t n = 0; n < times.size(); ++n) {
        std::printf("%s%.1f", n == 0 ? "" : ", ",
                    static_cast<double>(times[n]) / 1e3);
    }
    std::printf("], ");
}

void run(char** words)
{
    const auto headers = lines_of(words[6]);
    std::vector<std::pair<std::string, std::string>> victims;
    for (const auto& line : lines_of(words[4])) {
        const auto blank = line.find(' ');
        victims.emplace_back(request_for(line.substr(0, blank), headers),
                             line.substr(blank + 1));
    }
    Revoker revoker{number_of<std::uint16_t>(words[1]),
                    number_of<std::size_t>(words[2]), words[3],
                    victims[0].first};
    std::vector<Time> sent, come;
    int late = 0, unavailable = 0, returned = 0;
    for (std::size_t n = 0; n < victims.size(); ++n) {
        const auto result =
            revoker.revoke(victims[n].first, victims[n].second,
                           n % 2 == 0 ? "" : std::string_view{words[5]});
        unavailable += result.unavailable;
        returned += result.returned;
        sent.push_back(
            std::max<Time>(result.last_sent - result.acknowledged, 0));
        come.push_back(
            std::max<Time>(result.last_come - result.acknowledged, 0));
        late += !result.in_time;
        if (late == most_late) {
            break;
        }
    }
    std::printf("{");
    print_list("sent", sent);
    print_list("come", come);
    std::printf("\"late\": %d, \"unavailable\": %d, \"returned\": %d}\n", late,
                unavailable, returned);
}

} // namespace

int main(int count, char** words)
{
    try {
        if (count != 7) {
            throw std::runtime_error("six words are needed");
        }
        run(words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "revoke: %s\n", error.what());
        return 1;
    }
}
