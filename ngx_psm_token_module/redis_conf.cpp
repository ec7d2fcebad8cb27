// SPDX-License-Identifier: BSD-2-Clause

#include "redis_conf.hpp"

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
bool read_password(ngx_conf_t* cf, const ngx_str_t& directive, RedisConf* conf)
{
    ngx_str_t name = to_ngx(conf->address.password_file);
    // nginx looks for a terminator behind a relative name.
    std::string terminated(conf->address.password_file);
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
        conf->password = line;
    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs a password of 1 to 512 characters "
                           "in the first line of password_file \"%V\"",
                           &directive, &name);
    }
    wipe(buffer);
    return good;
}

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

/// A word that the command line knows, and this module not yet; or "".
std::string_view later_word(const RedisAddress& address,
                            std::span<const std::string_view> words)
{
    if (!address.sentinels.empty()) {
        return "sentinel://";
    }
    if (address.tls) {
        return words.front().starts_with("rediss://") ? "rediss://" : "tls=";
    }
    return "";
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
        if (const auto word = later_word(conf->address, views); !word.empty()) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\": %s is not supported by this build yet: "
                               "use redis://HOST:PORT or unix:/path without it",
                               &directive, word.data());
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

        const bool good = (conf->address.password_file.empty() ||
                           read_password(cf, directive, conf)) &&
                          resolve(cf, directive, conf);
        return good ? conf : nullptr;
    });
}

} // namespace psm::edge
