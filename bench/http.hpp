// SPDX-License-Identifier: BSD-2-Clause
//
// What load.cpp and revoke.cpp ask nginx with: one kept connection on loopback
// that has one request under way, and never blocks. A connection owns its
// descriptor and what it has read; the views of an answer live until the next
// request on it.

#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace bench {

/// Nanoseconds of a clock that only goes on.
using Time = std::int64_t;

inline Time now()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

template <typename Number>
Number number_of(std::string_view text)
{
    Number value{};
    const auto end = text.data() + text.size();
    const auto done = std::from_chars(text.data(), end, value);
    if (done.ec != std::errc{} || done.ptr != end) {
        throw std::runtime_error("not a number: " + std::string{text});
    }
    return value;
}

inline std::vector<std::string> lines_of(const std::string& path)
{
    std::ifstream file{path};
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    if (lines.empty()) {
        throw std::runtime_error("nothing in " + path);
    }
    return lines;
}

/// A whole GET; `headers` are lines of `Name: value`.
inline std::string request_for(std::string_view path,
                               const std::vector<std::string>& headers)
{
    std::string text = "GET " + std::string{path} + " HTTP/1.1\r\n";
    for (const auto& header : headers) {
        text += header + "\r\n";
    }
    return text + "\r\n";
}

struct Answer {
    int status = 0;
    std::string_view head{};

    /// The value of a header; empty without it.
    [[nodiscard]] std::string_view value(std::string_view name) const
    {
        const auto at = head.find(std::string{"\r\n"}.append(name) + ": ");
        if (at == std::string_view::npos) {
            return {};
        }
        const auto first = at + 2 + name.size() + 2;
        return head.substr(first, head.find("\r\n", first) - first);
    }
};

class Connection {
public:
    explicit Connection(std::uint16_t port)
        : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        if (fd_ < 0 ||
            connect(fd_, reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) != 0 ||
            setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
            throw std::runtime_error("nginx does not accept a connection");
        }
    }

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    ~Connection() { close(fd_); }

    [[nodiscard]] int fd() const { return fd_; }

    /// A request is far smaller than what a socket takes at once.
    void ask(std::string_view request)
    {
        in_.clear();
        if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size())) {
            throw std::runtime_error("nginx takes no request");
        }
    }

    /// Reads what is there: the answer, once it is whole.
    std::optional<Answer> read(bool wait = false)
    {
        char buffer[16384];
        do {
            const auto got =
                recv(fd_, buffer, sizeof buffer, wait ? 0 : MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) {
                return std::nullopt;
            }
            if (got <= 0) {
                throw std::runtime_error("nginx closed a connection");
            }
            in_.append(buffer, static_cast<std::size_t>(got));
        } while (wait && !whole());
        return whole();
    }

    /// Asks and waits for the answer.
    Answer get(std::string_view request)
    {
        ask(request);
        return *read(true);
    }

private:
    [[nodiscard]] std::optional<Answer> whole() const
    {
        const auto end = in_.find("\r\n\r\n");
        if (end == std::string::npos) {
            return std::nullopt;
        }
        Answer answer;
        answer.head = std::string_view{in_}.substr(0, end + 2);
        answer.status = number_of<int>(answer.head.substr(9, 3));
        const auto length = answer.value("Content-Length");
        const auto body = length.empty() ? 0 : number_of<std::size_t>(length);
        if (in_.size() < end + 4 + body) {
            return std::nullopt;
        }
        return answer;
    }

    int fd_;
    std::string in_;
};

/// Waits for readable connections to the nanosecond, not the millisecond.
class Poll {
public:
    Poll() : fd_(epoll_create1(EPOLL_CLOEXEC))
    {
        prctl(PR_SET_TIMERSLACK, 1UL);
    }

    Poll(const Poll&) = delete;
    Poll& operator=(const Poll&) = delete;

    ~Poll() { close(fd_); }

    void add(int fd, std::uint32_t number) const
    {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = number;
        epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event);
    }

    /// Calls `handle` with the number of each that is readable, by `until` at
    /// the latest.
    template <typename Handle>
    void wait(Time until, Handle handle)
    {
        const Time left = std::max<Time>(until - now(), 0);
        const timespec rest{left / 1'000'000'000, left % 1'000'000'000};
        epoll_event events[64];
        const int count = epoll_pwait2(fd_, events, 64, &rest, nullptr);
        for (int i = 0; i < count; ++i) {
            handle(events[i].data.u32);
        }
    }

private:
    int fd_;
};

} // namespace bench
