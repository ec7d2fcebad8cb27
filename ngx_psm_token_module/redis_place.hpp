// SPDX-License-Identifier: BSD-2-Clause
//
// Where a connection to Redis goes: the addresses of one attempt. Those of a
// socket, a literal address or a name without `resolver` are known from the
// start; a name is resolved for each attempt where nginx has a `resolver`;
// behind sentinels it is the master that they name.
//
//     place.find(found, context);     // found() may come before it returns,
//                                     // and not at all
//     place.count(), place.address(i) // within found() and behind it

#pragma once

#include "ngx.hpp"

#include <string>
#include <vector>

namespace psm::edge {

struct RedisConf;

/// What tells where the master is.
struct RedisGuide {
    void* context = nullptr;
    /// False while nobody has said.
    bool (*master)(void* context, std::string& host, in_port_t& port) = nullptr;
};

class RedisPlace {
public:
    struct Address {
        sockaddr_storage storage{};
        socklen_t length = 0;
        ngx_str_t name{}; // for nginx's log
    };

    RedisPlace(const RedisConf& conf, const RedisGuide& guide, ngx_log_t* log)
        : conf_(conf), guide_(guide), log_(log)
    {
    }

    ~RedisPlace() { cancel(); }

    RedisPlace(const RedisPlace&) = delete;
    RedisPlace& operator=(const RedisPlace&) = delete;

    void find(void (*found)(void* context), void* context);

    /// found() will not come any more.
    void cancel();

    [[nodiscard]] std::size_t count() const noexcept
    {
        return addresses_.size();
    }

    [[nodiscard]] Address& address(std::size_t i) { return addresses_[i]; }

    /// Why there is none yet; empty otherwise.
    [[nodiscard]] const std::string& problem() const noexcept
    {
        return problem_;
    }

    /// The host that was looked for; empty for a socket.
    [[nodiscard]] const std::string& host() const noexcept { return host_; }

private:
    static void on_resolved(ngx_resolver_ctx_t* ctx);

    void look();
    [[nodiscard]] bool take_literal();
    void resolve();
    void add(const sockaddr* address, socklen_t length);

    const RedisConf& conf_;
    RedisGuide guide_;
    ngx_log_t* log_;
    std::string host_;
    in_port_t port_ = 0;
    std::vector<Address> addresses_;
    std::string problem_;
    ngx_resolver_ctx_t* resolving_ = nullptr;
    bool waiting_ = false; // for the guide
    bool at_once_ = false; // the resolver may answer before it returns
    void (*found_)(void* context) = nullptr;
    void* context_ = nullptr;
};

} // namespace psm::edge
