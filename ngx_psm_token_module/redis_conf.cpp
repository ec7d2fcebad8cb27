// SPDX-License-Identifier: BSD-2-Clause

#include "redis_conf.hpp"

#include "redis_tls.hpp"

#include "../lib/text.hpp"

#include <array>
#include <memory>
#include <new>
#include <vector>

namespace psm::edge {

namespace {

constexpr std::size_t max_password = 512;

void destroy(void* data)
{
    auto* conf = static_cast<RedisConf*>(data);

    wipe(conf->password);
    std::destroy_at(conf);
}

RedisConf* create(ngx_conf_t* cf)
{
    auto* cln = ngx_pool_cleanup_add(cf->pool, sizeof(RedisConf));

    if (cln == nullptr) {
        return nullptr;
    }
    auto* conf = new (cln->data) RedisConf;
    cln->handler = destroy;
    return conf;
}

/// The first line of the file; the master reads it, so it may be root's.
bool read_password(ngx_conf_t* cf, const ngx_str_t& directive,
                   const std::string& file, std::string& password)
{
    if (file.empty()) {
        return true;
    }
    ngx_str_t name = to_ngx(file);
    // nginx looks for a terminator behind a relative name.
    std::string terminated(file);
    name.data = reinterpret_cast<u_char*>(terminated.data());

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return false;
    }

    const ngx_fd_t fd =
        ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           R"("%V" cannot read password_file "%V")", &directive,
                           &name);
        return false;
    }

    std::array<char, max_password + 1> buffer{};
    const ssize_t n = ngx_read_fd(fd, buffer.data(), buffer.size());
    ngx_close_file(fd);

    const std::string_view text(buffer.data(),
                                n > 0 ? static_cast<std::size_t>(n) : 0);
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    const bool good = !line.empty() && line.size() <= max_password;

    if (good) {
        password = line;
    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs a password of 1 to 512 characters "
                           "in the first line of password_file \"%V\"",
                           &directive, &name);
    }
    wipe(buffer);
    return good;
}

/// Once, for want of a resolver that could do it later.
bool resolve(ngx_conf_t* cf, const ngx_str_t& directive, RedisConf* conf)
{
    const RedisAddress& address = conf->address;
    std::string url = "unix:" + address.socket_path;

    if (address.socket_path.empty()) {
        const bool v6 = address.host.find(':') != std::string::npos;
        url = (v6 ? "[" + address.host + "]" : address.host) + ":" +
              std::to_string(address.port);
    }

    // nginx keeps parts of the text as names of the addresses.
    std::string_view own;
    if (!copy(cf->pool, url, own)) {
        return false;
    }

    ngx_url_t u{};
    u.url = to_ngx(own);
    u.default_port = address.port;
    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, R"("%V": %s in "%V")",
                           &directive, u.err != nullptr ? u.err : "error",
                           &u.url);
        return false;
    }

    conf->addrs = u.addrs;
    conf->naddrs = u.naddrs;
    return true;
}

/// A connection of its own for each sentinel.
bool add_sentinels(ngx_conf_t* cf, const ngx_str_t& directive, RedisConf* conf)
{
    const RedisAddress& redis = conf->address;
    std::string password;

    bool good =
        read_password(cf, directive, redis.sentinel_password_file, password);
    for (const RedisHost& host : redis.sentinels) {
        RedisConf* sentinel = good ? create(cf) : nullptr;
        if (sentinel == nullptr) {
            good = false;
            break;
        }
        sentinel->address.host = host.host;
        sentinel->address.port = host.port;
        sentinel->address.user = redis.sentinel_user;
        sentinel->address.connect_timeout_ms = redis.connect_timeout_ms;
        sentinel->address.tls = redis.sentinel_tls;
        sentinel->address.ca = redis.ca;
        sentinel->address.cert = redis.cert;
        sentinel->address.key = redis.key;
        sentinel->password = password;
        conf->sentinels.push_back(sentinel);
    }
    wipe(password);
    return good;
}

bool is_name(const std::string& host)
{
    auto* text = reinterpret_cast<u_char*>(const_cast<char*>(host.data()));
    u_char v6[16];

    return !host.empty() && ngx_inet_addr(text, host.size()) == INADDR_NONE &&
           ngx_inet6_addr(text, host.size(), v6) != NGX_OK;
}

} // namespace

RedisConf* read_redis_conf(ngx_conf_t* cf, const ngx_str_t& directive,
                           std::span<const ngx_str_t> words)
{
    RedisConf* conf = create(cf);

    if (conf == nullptr) {
        return nullptr;
    }

    return guard(cf->log, static_cast<RedisConf*>(nullptr), [&] {
        std::vector<std::string_view> views;
        for (const ngx_str_t& word : words) {
            views.push_back(view(word));
        }

        if (const auto error = parse_redis_address(views, conf->address)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": %s", &directive,
                               error->c_str());
            return static_cast<RedisConf*>(nullptr);
        }
        if (!conf->address.user.empty() &&
            conf->address.password_file.empty()) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has a user, \"%s\", and no "
                               "password_file",
                               &directive, conf->address.user.c_str());
            return static_cast<RedisConf*>(nullptr);
        }

        const bool good =
            read_password(cf, directive, conf->address.password_file,
                          conf->password) &&
            add_sentinels(cf, directive, conf);
        return good ? conf : nullptr;
    });
}

bool finish_redis_conf(ngx_conf_t* cf, const ngx_str_t& directive,
                       RedisConf* conf)
{
    const RedisAddress& address = conf->address;

    conf->core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    if (address.tls) {
        conf->tls = make_tls(cf, directive, address);
        if (conf->tls == nullptr) {
            return false;
        }
    }
    for (RedisConf* sentinel : conf->sentinels) {
        if (!finish_redis_conf(cf, directive, sentinel)) {
            return false;
        }
    }

    const bool resolver = conf->core->resolver != nullptr &&
                          conf->core->resolver->connections.nelts != 0;
    const bool later =
        !conf->sentinels.empty() || (is_name(address.host) && resolver);
    return later ||
           guard(cf->log, false, [&] { return resolve(cf, directive, conf); });
}

} // namespace psm::edge
