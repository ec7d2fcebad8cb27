// SPDX-License-Identifier: BSD-2-Clause
//
// The directives, in one table, with what reads their values. A mistake is
// told at `nginx -t`, naming directive and value.

#include "conf.hpp"

#include "api_conf.hpp"
#include "cache_conf.hpp"
#include "directive.hpp"
#include "metrics.hpp"
#include "redis_conf.hpp"

#include "../lib/carrier.hpp"
#include "../lib/channel.hpp"
#include "../lib/token_path.hpp"

#include <algorithm>

namespace psm::edge {

namespace {

char* set_redis(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* mcf = static_cast<MainConf*>(conf);

    if (mcf->redis != nullptr) {
        return const_cast<char*>("is duplicate");
    }
    mcf->redis = read_redis_conf(cf, cmd->name, arguments(cf));
    return mcf->redis == nullptr ? conf_failed : NGX_CONF_OK;
}

/// The words are those of psm_token_redis, and how often to write.
char* set_last_used(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* mcf = static_cast<MainConf*>(conf);
    auto args = arguments(cf);

    if (mcf->last_used != nullptr || mcf->flush != NGX_CONF_UNSET_MSEC) {
        return const_cast<char*>("is duplicate");
    }
    mcf->flush = 30000;
    if (args.size() == 1 && view(args[0]) == "off") {
        return NGX_CONF_OK;
    }
    if (args.size() > 1 && view(args.back()).starts_with("flush=")) {
        ngx_str_t time = to_ngx(view(args.back()).substr(6));
        const ngx_int_t n = ngx_parse_time(&time, 0);
        if (n <= 0) {
            return complain(cf, cmd, "needs a time such as flush=30s, not",
                            args.back());
        }
        mcf->flush = static_cast<ngx_msec_t>(n);
        args = args.first(args.size() - 1);
    }
    mcf->last_used = read_redis_conf(cf, cmd->name, args);
    return mcf->last_used == nullptr ? conf_failed : NGX_CONF_OK;
}

/// A base is a directory of channels: slashes around plain segments, and no
/// segment `t`, which would always be read as a token.
bool is_base(std::string_view base)
{
    if (base == "/") {
        return true;
    }
    if (base.size() < 3 || base.front() != '/' || base.back() != '/') {
        return false;
    }

    for (std::size_t at = 1; at < base.size();) {
        const std::size_t end = base.find('/', at);
        const std::string_view segment = base.substr(at, end - at);
        if (segment.empty() || segment == "t" || segment == "." ||
            segment == ".." ||
            segment.find_first_not_of(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                "0123456789._-~") != std::string_view::npos) {
            return false;
        }
        at = end + 1;
    }
    return true;
}

char* set_base(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* scf = static_cast<ServerConf*>(conf);
    const auto args = arguments(cf);

    if (scf->bases != nullptr) {
        return const_cast<char*>("is duplicate");
    }
    scf->bases =
        ngx_array_create(cf->pool, args.size(), sizeof(std::string_view));
    if (scf->bases == nullptr) {
        return conf_failed;
    }

    for (const ngx_str_t& arg : args) {
        if (!is_base(view(arg))) {
            return complain(cf, cmd,
                            "must begin and end with \"/\" and hold plain "
                            "segments, none of them \"t\", unlike",
                            arg);
        }
        if (scf->bases->nelts == max_bases ||
            std::ranges::count(bases_of(scf), view(arg)) != 0) {
            return complain(cf, cmd, "has too many or repeated bases at", arg);
        }
        *static_cast<std::string_view*>(ngx_array_push(scf->bases)) = view(arg);
    }

    auto* first = static_cast<std::string_view*>(scf->bases->elts);
    std::ranges::sort(std::span(first, scf->bases->nelts), {},
                      &std::string_view::size);
    return NGX_CONF_OK;
}

char* set_carriers(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* scf = static_cast<ServerConf*>(conf);

    if (scf->carriers != NGX_CONF_UNSET_UINT) {
        return const_cast<char*>("is duplicate");
    }

    scf->carriers = 0;
    for (const ngx_str_t& arg : arguments(cf)) {
        const auto* name = std::ranges::find(carrier_names, view(arg));
        if (name == carrier_names.end()) {
            return complain(cf, cmd, "has no carrier", arg);
        }
        const ngx_uint_t bit = ngx_uint_t{1} << static_cast<unsigned>(
                                   name - carrier_names.begin());
        if ((scf->carriers & bit) != 0) {
            return complain(cf, cmd, "repeats", arg);
        }
        scf->carriers |= bit;
    }
    return NGX_CONF_OK;
}

char* set_require(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* lcf = static_cast<LocationConf*>(conf);

    if (char* rc = compile(cf, &lcf->require); rc != NGX_CONF_OK) {
        return rc;
    }
    if (lcf->require->lengths != nullptr) {
        return NGX_CONF_OK;
    }
    lcf->fixed_requirement = parse_requirement(view(lcf->require->value));
    if (lcf->fixed_requirement.kind == Requirement::Kind::unknown) {
        return complain(cf, cmd,
                        "must be auto, read, write, manage or one of the 37 "
                        "scopes, not",
                        lcf->require->value);
    }
    return NGX_CONF_OK;
}

char* set_channel(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* lcf = static_cast<LocationConf*>(conf);

    if (char* rc = compile(cf, &lcf->channel); rc != NGX_CONF_OK) {
        return rc;
    }
    if (lcf->channel->lengths == nullptr && lcf->channel->value.len != 0 &&
        !is_channel_path(view(lcf->channel->value))) {
        return complain(cf, cmd, "must be a channel path or empty, not",
                        lcf->channel->value);
    }
    return NGX_CONF_OK;
}

char* set_privacy(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* lcf = static_cast<LocationConf*>(conf);
    const ngx_str_t& arg = arguments(cf)[0];

    if (lcf->privacy != NGX_CONF_UNSET_UINT) {
        return const_cast<char*>("is duplicate");
    }
    const auto privacy = find_privacy(view(arg));
    if (!privacy) {
        return complain(cf, cmd,
                        "must be public, authenticated or private, not", arg);
    }
    lcf->privacy = static_cast<ngx_uint_t>(*privacy);
    return NGX_CONF_OK;
}

char* set_format(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* scf = static_cast<ServerConf*>(conf);
    const ngx_str_t& arg = arguments(cf)[0];

    if (scf->format != NGX_CONF_UNSET_UINT) {
        return const_cast<char*>("is duplicate");
    }
    if (view(arg) != "psm" && view(arg) != "any") {
        return complain(cf, cmd, "must be psm or any, not", arg);
    }
    scf->format = static_cast<ngx_uint_t>(
        view(arg) == "psm" ? TokenFormat::psm : TokenFormat::any);
    return NGX_CONF_OK;
}

char* set_warn(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* lcf = static_cast<LocationConf*>(conf);
    ngx_str_t& arg = arguments(cf)[0];

    if (lcf->warn != NGX_CONF_UNSET) {
        return const_cast<char*>("is duplicate");
    }
    lcf->warn = ngx_parse_time(&arg, 1);
    if (lcf->warn == NGX_ERROR) {
        return complain(cf, cmd, "must be a time such as 7d or 0, not", arg);
    }
    return NGX_CONF_OK;
}

constexpr ngx_uint_t in_http = NGX_HTTP_MAIN_CONF;
constexpr ngx_uint_t in_server = in_http | NGX_HTTP_SRV_CONF;
constexpr ngx_uint_t in_location = in_server | NGX_HTTP_LOC_CONF;
constexpr ngx_uint_t here = NGX_HTTP_LOC_CONF;

using Setter = char* (*)(ngx_conf_t* cf, ngx_command_t* cmd, void* conf);

/// Whose struct it goes into follows from the innermost place.
ngx_command_t directive(const char* name, ngx_uint_t type, Setter set,
                        std::size_t offset = 0) noexcept
{
    const std::size_t conf =
        (type & NGX_HTTP_LOC_CONF) != 0   ? NGX_HTTP_LOC_CONF_OFFSET
        : (type & NGX_HTTP_SRV_CONF) != 0 ? NGX_HTTP_SRV_CONF_OFFSET
                                          : NGX_HTTP_MAIN_CONF_OFFSET;
    return {to_ngx(name), type, set, conf, offset, nullptr};
}

ngx_command_t flag(const char* name, std::size_t offset) noexcept
{
    return directive(name, in_location | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
                     offset);
}

} // namespace

// clang-format off
ngx_command_t commands[] = {
    directive("psm_token_redis", in_http | NGX_CONF_1MORE, set_redis),
    directive("psm_token_cache", in_http | NGX_CONF_1MORE, set_cache),
    directive("psm_token_last_used", in_http | NGX_CONF_1MORE, set_last_used),

    directive("psm_token_base", in_server | NGX_CONF_1MORE, set_base),
    directive("psm_token_carriers", in_server | NGX_CONF_1MORE, set_carriers),
    directive("psm_token_format", in_server | NGX_CONF_TAKE1, set_format),

    flag("psm_token", offsetof(LocationConf, enable)),
    directive("psm_token_require", in_location | NGX_CONF_TAKE1, set_require),
    directive("psm_token_channel", in_location | NGX_CONF_TAKE1, set_channel),
    flag("psm_token_scope_levels", offsetof(LocationConf, scope_levels)),
    directive("psm_token_privacy", in_location | NGX_CONF_TAKE1, set_privacy),
    flag("psm_token_strict", offsetof(LocationConf, strict)),
    flag("psm_token_dry_run", offsetof(LocationConf, dry_run)),
    flag("psm_token_forward", offsetof(LocationConf, forward)),
    directive("psm_token_warn", in_location | NGX_CONF_TAKE1, set_warn),

    directive("psm_token_metrics", here | NGX_CONF_NOARGS, set_metrics),

    directive("psm_token_api_redis", in_http | NGX_CONF_1MORE, set_api_redis),
    directive("psm_token_api", here | NGX_CONF_NOARGS, set_api),
    directive("psm_token_api_user", here | NGX_CONF_TAKE1, set_api_user),
    directive("psm_token_api_admin", here | NGX_CONF_TAKE1, set_api_admin),
    directive("psm_token_api_max_age", here | NGX_CONF_TAKE1, set_api_age,
              offsetof(LocationConf, api_max_age)),
    directive("psm_token_api_default_age", here | NGX_CONF_TAKE1, set_api_age,
              offsetof(LocationConf, api_default_age)),

    ngx_null_command
};
// clang-format on

} // namespace psm::edge
