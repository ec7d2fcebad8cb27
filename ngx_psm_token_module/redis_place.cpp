// SPDX-License-Identifier: BSD-2-Clause

#include "redis_place.hpp"

#include "conf.hpp"

#include <span>

namespace psm::edge {

namespace {

const ngx_str_t log_name = ngx_string("redis");

// That of resolver_timeout, which nginx puts into servers and locations, and
// not into http, where we take ours from.
constexpr ngx_msec_t default_timeout = 30000;

} // namespace

void RedisPlace::find(void (*found)(void* context), void* context)
{
    cancel();
    found_ = found;
    context_ = context;
    addresses_.clear();
    problem_.clear();
    if (!guard(log_, false, [&] { return look(), true; })) {
        problem_ = "out of memory";
    }
    if (resolving_ == nullptr && !waiting_) {
        found(context);
    }
}

/// Leaves addresses, a problem, or something to wait for.
void RedisPlace::look()
{
    host_ = conf_.address.host;
    port_ = conf_.address.port;

    if (guide_.master != nullptr) {
        waiting_ = !guide_.master(guide_.context, host_, port_);
        if (waiting_) {
            problem_ = "no sentinel has named the master";
        } else if (!take_literal()) {
            resolve();
        }
        return;
    }
    if (conf_.naddrs == 0) {
        resolve();
        return;
    }
    for (const ngx_addr_t& addr : std::span(conf_.addrs, conf_.naddrs)) {
        add(addr.sockaddr, addr.socklen);
    }
}

void RedisPlace::add(const sockaddr* address, socklen_t length)
{
    Address& added = addresses_.emplace_back();

    ngx_memcpy(&added.storage, address, length);
    added.length = length;
    added.name = log_name;
}

/// False when the host is a name.
bool RedisPlace::take_literal()
{
    auto* text = reinterpret_cast<u_char*>(host_.data());
    sockaddr_in v4{};
    sockaddr_in6 v6{};

    v4.sin_addr.s_addr = ngx_inet_addr(text, host_.size());
    if (v4.sin_addr.s_addr != INADDR_NONE) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port_);
        add(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
        return true;
    }
    if (ngx_inet6_addr(text, host_.size(), v6.sin6_addr.s6_addr) == NGX_OK) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port_);
        add(reinterpret_cast<sockaddr*>(&v6), sizeof v6);
        return true;
    }
    return false;
}

void RedisPlace::resolve()
{
    const ngx_msec_t timeout = conf_.core->resolver_timeout;
    ngx_resolver_ctx_t* ctx = ngx_resolve_start(conf_.core->resolver, nullptr);

    if (ctx == nullptr) {
        problem_ = "out of memory";
        return;
    }
    if (ctx == NGX_NO_RESOLVER) {
        problem_ = R"(no "resolver" to resolve ")" + host_ + "\"";
        return;
    }

    ctx->name = to_ngx(host_);
    ctx->handler = on_resolved;
    ctx->data = this;
    ctx->timeout = timeout == NGX_CONF_UNSET_MSEC ? default_timeout : timeout;
    ctx->cancelable = 1;

    problem_ = "\"" + host_ + "\" is not resolved yet";
    resolving_ = ctx;
    at_once_ = true;
    if (ngx_resolve_name(ctx) != NGX_OK) {
        resolving_ = nullptr;
        problem_ = "cannot resolve \"" + host_ + "\"";
    }
    at_once_ = false;
}

void RedisPlace::on_resolved(ngx_resolver_ctx_t* ctx)
{
    auto* place = static_cast<RedisPlace*>(ctx->data);

    guard(place->log_, 0, [&] {
        place->problem_.clear();
        if (ctx->state != 0) {
            place->problem_ =
                "cannot resolve \"" + place->host_ + "\": " +
                reinterpret_cast<char*>(ngx_resolver_strerror(ctx->state));
        }
        for (const auto& addr : std::span(ctx->addrs, ctx->naddrs)) {
            place->add(addr.sockaddr, addr.socklen);
            ngx_inet_set_port(
                reinterpret_cast<sockaddr*>(&place->addresses_.back().storage),
                place->port_);
        }
        return 0;
    });
    ngx_resolve_name_done(ctx);
    place->resolving_ = nullptr;

    if (!place->at_once_) {
        place->found_(place->context_);
    }
}

void RedisPlace::cancel()
{
    waiting_ = false;
    if (resolving_ != nullptr) {
        ngx_resolve_name_done(resolving_);
        resolving_ = nullptr;
    }
}

} // namespace psm::edge
