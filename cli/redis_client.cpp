// SPDX-License-Identifier: BSD-2-Clause

#include "redis_client.hpp"

#include "command.hpp"

#include "../lib/text.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <system_error>
#include <utility>

namespace psm::cli {

namespace {

// A whole index comes in one reply.
constexpr RedisLimits limits{
    .max_reply = std::size_t{256} * 1024 * 1024,
    .max_elements = 4'000'000,
    .max_outstanding = 16,
    .max_output = std::size_t{64} * 1024 * 1024,
};

constexpr std::size_t max_password = 512;

std::int64_t now_ms()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

std::string cause_of(int error)
{
    return std::generic_category().message(error);
}

/// The first line of the file.
std::string read_password(const std::string& path)
{
    std::ifstream file(path);
    std::string line;
    if (!file.is_open()) {
        refuse("cannot read password_file " + path + ": " + cause_of(errno));
    }
    std::getline(file, line);
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    if (line.empty() || line.size() > max_password) {
        refuse("password_file " + path +
               " must hold a password of 1 to 512 characters in its first "
               "line");
    }
    return line;
}

RedisValue own(const RedisReply& reply)
{
    RedisValue value;
    value.type = reply.type;
    value.text = reply.text;
    value.integer = reply.integer;
    value.elements.reserve(reply.elements.size());
    for (const RedisReply& element : reply.elements) {
        value.elements.push_back(own(element));
    }
    return value;
}

/// What the user can do about an error reply.
std::string remedy_for(std::string_view error)
{
    if (error.starts_with("NOAUTH") || error.starts_with("NOPERM")) {
        return " (give a user that may do this: user= and password_file= in "
               "--redis)";
    }
    if (error.starts_with("READONLY")) {
        return " (this is a replica: give the address of the master)";
    }
    return "";
}

} // namespace

RedisClient::RedisClient(RedisAddress address)
    : address_(std::move(address)),
      session_(limits, &RedisClient::on_reply, this)
{
    if (address_.socket_path.empty()) {
        connect_tcp();
    } else {
        connect_unix();
    }
    if (socket_ < 0) {
        fail("cannot connect: " + cause_of(connect_error_));
    }
    log_in();
}

RedisClient::~RedisClient()
{
    if (socket_ >= 0) {
        close(socket_);
    }
}

std::string RedisClient::place() const
{
    if (!address_.socket_path.empty()) {
        return "unix:" + address_.socket_path;
    }
    const bool v6 = address_.host.find(':') != std::string::npos;
    return "redis://" + (v6 ? "[" + address_.host + "]" : address_.host) + ":" +
           std::to_string(address_.port);
}

void RedisClient::fail(const std::string& cause) const
{
    throw Failure(cannot_tell, "Redis at " + place() + ": " + cause);
}

void RedisClient::connect_unix()
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // parse_redis_address() keeps the path shorter than sun_path.
    std::copy(address_.socket_path.begin(), address_.socket_path.end(),
              address.sun_path);
    connect_to(&address, sizeof address, AF_UNIX);
}

void RedisClient::connect_tcp()
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error =
        getaddrinfo(address_.host.c_str(),
                    std::to_string(address_.port).c_str(), &hints, &found);
    if (error != 0) {
        fail(std::string("cannot find the host: ") + gai_strerror(error));
    }
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
        if (connect_to(at->ai_addr, at->ai_addrlen, at->ai_family)) {
            break;
        }
    }
    freeaddrinfo(found);
}

/// Leaves the connected socket in socket_, or the cause in connect_error_.
bool RedisClient::connect_to(const void* address, unsigned length, int family)
{
    const int fd =
        socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        connect_error_ = errno;
        return false;
    }
    int error = 0;
    if (connect(fd, static_cast<const sockaddr*>(address), length) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
        const int timeout = static_cast<int>(address_.connect_timeout_ms);
        socklen_t size = sizeof error;
        if (poll(&waiting, 1, timeout) != 1) {
            error = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            error = errno;
        }
    }
    if (error != 0) {
        connect_error_ = error;
        close(fd);
        return false;
    }
    if (family != AF_UNIX) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    socket_ = fd;
    return true;
}

void RedisClient::log_in()
{
    std::string password;
    if (!address_.password_file.empty()) {
        password = read_password(address_.password_file);
    }
    session_.start({.user = address_.user,
                    .password = password,
                    .database = address_.database,
                    .client_name = {}});
    wipe(password);
}

RedisValue RedisClient::run(std::span<const std::string_view> words)
{
    reply_.reset();
    if (!session_.command(words, 0)) {
        fail(session_.broken() ? session_.error() : "the command is too large");
    }
    exchange();
    if (reply_->type == RedisType::error) {
        const std::string error = quote_reply(reply_->text);
        fail("refused " + std::string(words.front()) + ": " + error +
             remedy_for(error));
    }
    return std::move(*reply_);
}

void RedisClient::on_reply(void* context, std::uint64_t /*tag*/,
                           const RedisReply& reply)
{
    static_cast<RedisClient*>(context)->reply_ = own(reply);
}

/// Sends what is queued and receives until the reply is there.
void RedisClient::exchange()
{
    const std::int64_t deadline = now_ms() + address_.timeout_ms;
    std::array<char, std::size_t{64} * 1024> buffer{};
    while (!reply_) {
        const std::string_view output = session_.output();
        wait_for(output.empty() ? POLLIN : POLLIN | POLLOUT, deadline);
        if (!output.empty()) {
            const ssize_t sent =
                send(socket_, output.data(), output.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN && errno != EINTR) {
                fail("cannot send: " + cause_of(errno));
            }
            session_.sent(sent > 0 ? static_cast<std::size_t>(sent) : 0);
        }
        const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
        if (got == 0) {
            fail("closed the connection");
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            fail("cannot receive: " + cause_of(errno));
        }
        if (got > 0 &&
            !session_.feed({buffer.data(), static_cast<std::size_t>(got)})) {
            fail(session_.error());
        }
    }
}

void RedisClient::wait_for(short events, std::int64_t deadline)
{
    pollfd waiting{.fd = socket_, .events = events, .revents = 0};
    for (;;) {
        const std::int64_t left = deadline - now_ms();
        if (left <= 0) {
            fail("no answer within " + std::to_string(address_.timeout_ms) +
                 "ms (raise timeout= in --redis)");
        }
        const int ready = poll(&waiting, 1, static_cast<int>(left));
        if (ready > 0) {
            return;
        }
        if (ready < 0 && errno != EINTR) {
            fail("cannot wait: " + cause_of(errno));
        }
    }
}

} // namespace psm::cli
