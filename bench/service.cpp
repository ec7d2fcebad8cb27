// SPDX-License-Identifier: BSD-2-Clause
//
// The separate service that auth_request asks (peer_bodies.py):
//   service LISTEN REDIS          paths of two unix sockets
// A request names a token and a channel in X-Token and X-Channel; the answer
// is 200, 401, 403, or 503 when Redis did not say. It is written to be a fair
// peer: one thread, one event loop, kept connections, one connection to Redis
// on which the commands of a turn leave in one send, and the project's own
// code for digests and records. It ends by a signal.

#include "digest.hpp"
#include "record.hpp"

#include <cerrno>
#include <ctime>
#include <deque>
#include <hiredis/hiredis.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>

namespace {

constexpr std::size_t buffer_size = std::size_t{64} * 1024;
constexpr std::size_t max_request = std::size_t{16} * 1024;

sockaddr_un address_of(std::string_view path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        throw std::runtime_error("path too long");
    }
    path.copy(address.sun_path, path.size());
    return address;
}

int open_socket(std::string_view path, bool listening)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(path);
    const auto* plain = reinterpret_cast<const sockaddr*>(&address);
    const int done = listening ? bind(fd, plain, sizeof address)
                               : connect(fd, plain, sizeof address);
    if (fd < 0 || done != 0 || (listening && listen(fd, 511) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/// The value of a header in a whole request head; empty without it.
std::string_view header(std::string_view head, std::string_view name)
{
    const auto at = head.find(name);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto first = at + name.size();
    return head.substr(first, head.find("\r\n", first) - first);
}

const char* answer_of(int status)
{
    switch (status) {
    case 200:
        return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    case 401:
        return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    case 403:
        return "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    default:
        return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    }
}

int judge(std::string_view json, std::string_view channel)
{
    psm::TokenRecord record;
    if (psm::decode_token_record(json, record) || record.disabled ||
        record.deleted || record.expires <= std::time(nullptr)) {
        return 401;
    }
    const auto packed = psm::pack(record);
    const auto grant = psm::Identity{packed}.grant_on(channel);
    return grant.path.empty() || grant.level == psm::Level::none ? 403 : 200;
}

class Service {
public:
    Service(std::string_view listen, std::string_view redis)
        : redis_path_(redis), epoll_(epoll_create1(EPOLL_CLOEXEC)),
          listener_(open_socket(listen, true))
    {
        if (listener_ < 0 || !reach_redis()) {
            throw std::runtime_error("cannot listen, or reach Redis");
        }
        watch(listener_);
    }

    [[noreturn]] void run()
    {
        epoll_event events[256];
        while (true) {
            const int count = epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < count; ++i) {
                handle(events[i].data.fd);
            }
            flush_commands();
        }
    }

private:
    struct Client {
        std::string in;
        unsigned long number = 0; // tells apart two with one descriptor
    };

    struct Waiting {
        int fd;
        unsigned long number;
        std::string channel;
    };

    struct FreeReader {
        void operator()(redisReader* reader) const { redisReaderFree(reader); }
    };

    void watch(int fd) const
    {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    bool reach_redis()
    {
        redis_ = open_socket(redis_path_, false);
        reader_.reset(redisReaderCreate());
        if (redis_ >= 0) {
            watch(redis_);
        }
        return redis_ >= 0;
    }

    /// Nobody who waits gets another's answer: all get a 503.
    void lose_redis()
    {
        close(redis_);
        redis_ = -1;
        commands_.clear();
        for (auto waiting = std::exchange(waiting_, {});
             const auto& one : waiting) {
            answer(one, 503);
        }
    }

    void handle(int fd)
    {
        if (fd == listener_) {
            const int client = accept4(listener_, nullptr, nullptr,
                                       SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (client >= 0) {
                clients_[client].number = ++accepted_;
                watch(client);
            }
        } else if (fd == redis_) {
            read_replies();
        } else {
            read_request(fd);
        }
    }

    void read_request(int fd)
    {
        const auto found = clients_.find(fd);
        if (found == clients_.end()) {
            return;
        }
        auto& in = found->second.in;
        const auto got = recv(fd, buffer_, sizeof buffer_, 0);
        if (got < 0 && errno == EAGAIN) {
            return; // readable was another with this descriptor
        }
        if (got <= 0 || in.size() > max_request) {
            clients_.erase(found);
            close(fd);
            return;
        }
        in.append(buffer_, static_cast<std::size_t>(got));
        for (auto end = in.find("\r\n\r\n"); end != std::string::npos;
             end = in.find("\r\n\r\n")) {
            ask(fd, found->second.number,
                std::string_view{in}.substr(0, end + 2));
            in.erase(0, end + 4);
        }
    }

    void ask(int fd, unsigned long number, std::string_view head)
    {
        Waiting one{fd, number, std::string{header(head, "\r\nX-Channel: ")}};
        psm::TokenDigest digest;
        if ((redis_ < 0 && !reach_redis()) ||
            !hasher_.digest(header(head, "\r\nX-Token: "), digest)) {
            answer(one, 503);
            return;
        }
        const auto hex = digest.hex();
        commands_.append("*2\r\n$3\r\nGET\r\n$70\r\npsm:t:");
        commands_.append(hex.data(), hex.size());
        commands_.append("\r\n");
        waiting_.push_back(std::move(one));
    }

    void flush_commands()
    {
        // Redis reads at once and what waits is bounded by nginx's
        // connections: a send that blocks for a moment is no matter.
        std::string_view rest = commands_;
        while (!rest.empty()) {
            const auto sent =
                send(redis_, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                lose_redis();
                return;
            }
            rest.remove_prefix(static_cast<std::size_t>(sent));
        }
        commands_.clear();
    }

    void read_replies()
    {
        const auto got = recv(redis_, buffer_, sizeof buffer_, MSG_DONTWAIT);
        if (got <= 0 ||
            redisReaderFeed(reader_.get(), buffer_,
                            static_cast<std::size_t>(got)) != REDIS_OK) {
            lose_redis();
            return;
        }
        void* reply = nullptr;
        while (redisReaderGetReply(reader_.get(), &reply) == REDIS_OK &&
               reply != nullptr) {
            const std::unique_ptr<redisReply, decltype(&freeReplyObject)> owned{
                static_cast<redisReply*>(reply), freeReplyObject};
            if (waiting_.empty()) {
                lose_redis();
                return;
            }
            const auto one = std::move(waiting_.front());
            waiting_.pop_front();
            answer(one, status_of(*owned, one.channel));
        }
        if (reader_->err != 0) {
            lose_redis();
        }
    }

    static int status_of(const redisReply& reply, std::string_view channel)
    {
        if (reply.type == REDIS_REPLY_STRING) {
            return judge({reply.str, reply.len}, channel);
        }
        return reply.type == REDIS_REPLY_NIL ? 401 : 503;
    }

    void answer(const Waiting& one, int status)
    {
        const auto found = clients_.find(one.fd);
        if (found != clients_.end() && found->second.number == one.number) {
            const std::string_view text = answer_of(status);
            // It fits: nginx asks again only when it has the answer.
            (void)!send(one.fd, text.data(), text.size(), MSG_NOSIGNAL);
        }
    }

    std::string redis_path_;
    int epoll_;
    int listener_;
    int redis_ = -1;
    std::unique_ptr<redisReader, FreeReader> reader_;
    psm::Hasher hasher_;
    std::string commands_;
    std::deque<Waiting> waiting_;
    std::unordered_map<int, Client> clients_;
    unsigned long accepted_ = 0;
    char buffer_[buffer_size];
};

} // namespace

int main(int count, char** arguments)
{
    if (count != 3) {
        return 2;
    }
    try {
        const auto service =
            std::make_unique<Service>(arguments[1], arguments[2]);
        service->run();
    } catch (const std::exception& error) {
        (void)!write(STDERR_FILENO, error.what(),
                     std::char_traits<char>::length(error.what()));
        return 1;
    }
}
