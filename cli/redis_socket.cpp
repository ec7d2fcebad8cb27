// SPDX-License-Identifier: BSD-2-Clause

#include "redis_socket.hpp"

#include "../lib/redis_address.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace psm::cli {

namespace {

std::string cause_of(int error)
{
    return std::generic_category().message(error);
}

/// 0, or why the connection did not come about.
int wait_connected(int fd, std::uint32_t timeout_ms)
{
    pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&waiting, 1, static_cast<int>(timeout_ms)) != 1) {
        return ETIMEDOUT;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno
                                                                    : error;
}

} // namespace

std::int64_t now_ms()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

RedisSocket::RedisSocket(const RedisAddress& address)
{
    const int error = address.socket_path.empty() ? connect_tcp(address)
                                                  : connect_unix(address);
    if (error != 0) {
        throw ConnectionError("cannot connect: " + cause_of(error));
    }
}

RedisSocket::~RedisSocket()
{
    if (socket_ >= 0) {
        close(socket_);
    }
}

int RedisSocket::connect_unix(const RedisAddress& address)
{
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    // parse_redis_address() keeps the path shorter than sun_path.
    std::copy(address.socket_path.begin(), address.socket_path.end(),
              to.sun_path);
    return connect_to(&to, sizeof to, AF_UNIX, address.connect_timeout_ms);
}

int RedisSocket::connect_tcp(const RedisAddress& address)
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int problem =
        getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(),
                    &hints, &found);
    if (problem != 0) {
        throw ConnectionError(std::string("cannot find the host: ") +
                              gai_strerror(problem));
    }
    int error = 0;
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
        error = connect_to(at->ai_addr, at->ai_addrlen, at->ai_family,
                           address.connect_timeout_ms);
        if (error == 0) {
            break;
        }
    }
    freeaddrinfo(found);
    return error;
}

/// 0 and the connected socket in socket_, or the error.
int RedisSocket::connect_to(const void* address, unsigned length, int family,
                            std::uint32_t timeout_ms)
{
    const int fd =
        socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error = 0;
    if (connect(fd, static_cast<const sockaddr*>(address), length) != 0) {
        error = errno == EINPROGRESS ? wait_connected(fd, timeout_ms) : errno;
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    if (family != AF_UNIX) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    socket_ = fd;
    return 0;
}

std::size_t RedisSocket::send(std::string_view bytes) const
{
    const ssize_t sent =
        ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        throw ConnectionError("cannot send: " + cause_of(errno));
    }
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

std::size_t RedisSocket::receive(std::span<char> buffer) const
{
    const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
    if (got == 0) {
        throw ConnectionError("closed the connection");
    }
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        throw ConnectionError("cannot receive: " + cause_of(errno));
    }
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool RedisSocket::wait(bool to_send, std::int64_t deadline) const
{
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (to_send) {
        waiting.events = POLLIN | POLLOUT;
    }
    for (;;) {
        const std::int64_t left = deadline - now_ms();
        if (left <= 0) {
            return false;
        }
        const int ready = poll(&waiting, 1, static_cast<int>(left));
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            throw ConnectionError("cannot wait: " + cause_of(errno));
        }
    }
}

} // namespace psm::cli
