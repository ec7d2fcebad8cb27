// SPDX-License-Identifier: BSD-2-Clause

#include "redis_sentinel.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace psm::cli {

namespace {

// One that does not answer must not hold up the next one for long.
constexpr std::uint32_t max_wait_ms = 1000;

// A failover takes some seconds, most of them before a sentinel begins it.
constexpr std::int64_t patience_ms = 3000;
constexpr std::chrono::milliseconds pause{250};

/// The address to ask a sentinel at: TLS with its own host as the name.
RedisAddress address_of(const RedisAddress& address, const RedisHost& sentinel)
{
    RedisAddress to = address;
    to.sentinels.clear();
    to.host = sentinel.host;
    to.port = sentinel.port;
    to.tls = address.sentinel_tls;
    to.tls_name.clear();
    to.connect_timeout_ms = std::min(to.connect_timeout_ms, max_wait_ms);
    to.timeout_ms = std::min(to.timeout_ms, max_wait_ms);
    return to;
}

/// The search for a master through the sentinels of one address.
class Search {
public:
    explicit Search(const RedisAddress& address)
        : address_(address), said_(address.sentinels.size())
    {
    }

    /// Null where no sentinel leads to a master now.
    std::unique_ptr<RedisClient> ask_all()
    {
        named_one_ = false;
        for (std::size_t i = 0; i < said_.size(); i++) {
            try {
                return follow(ask(address_.sentinels[i]));
            } catch (const RedisFailure& failure) {
                said_[i] = failure.what();
            }
        }
        return nullptr;
    }

    /// Whether it is worth asking again.
    [[nodiscard]] bool named_one() const noexcept { return named_one_; }

    [[noreturn]] void give_up() const
    {
        std::string text = "no sentinel leads to a master called \"" +
                           address_.master_name + "\":";
        for (const std::string& what : said_) {
            text += "\n  " + what;
        }
        throw Failure(cannot_tell, text);
    }

private:
    /// Where this sentinel says the master is.
    RedisAddress ask(const RedisHost& sentinel)
    {
        RedisClient client(address_of(address_, sentinel),
                           RedisClient::Peer::sentinel);
        const RedisValue answer = client.run(
            {"SENTINEL", "get-master-addr-by-name", address_.master_name});
        const std::string who = "Sentinel at " + client.place();
        if (answer.is_nil()) {
            throw RedisFailure(who, "knows no master called \"" +
                                        address_.master_name +
                                        "\" (give the name of `sentinel "
                                        "monitor` behind the slash)");
        }
        RedisAddress to = address_;
        if (answer.elements.size() != 2 ||
            answer.elements[0].text.size() > max_host_length ||
            !has_only(answer.elements[0].text, ".-_:%") ||
            !parse_number<std::uint16_t>(answer.elements[1].text, 1, 65535,
                                         to.port)) {
            throw RedisFailure(who, "gave no address (is it a sentinel?)");
        }
        to.sentinels.clear();
        to.host = answer.elements[0].text;
        named_one_ = true;
        return to;
    }

    /// An old master, or one that is none yet, must not be written to.
    static std::unique_ptr<RedisClient> follow(const RedisAddress& to)
    {
        auto client = std::make_unique<RedisClient>(to);
        const RedisValue role = client->run({"ROLE"});
        if (role.elements.empty() || role.elements.front().text != "master") {
            throw RedisFailure("Redis at " + client->place(),
                               "is named as the master, and is none (a "
                               "failover is under way?)");
        }
        return client;
    }

    const RedisAddress& address_;
    std::vector<std::string> said_; // by each sentinel
    bool named_one_ = false;
};

} // namespace

std::unique_ptr<RedisClient> connect_redis(const RedisAddress& address)
{
    if (address.sentinels.empty()) {
        return std::make_unique<RedisClient>(address);
    }
    const std::int64_t deadline = now_ms() + patience_ms;
    Search search(address);
    for (;;) {
        if (auto client = search.ask_all()) {
            return client;
        }
        if (!search.named_one() || now_ms() >= deadline) {
            search.give_up();
        }
        std::this_thread::sleep_for(pause);
    }
}

} // namespace psm::cli
