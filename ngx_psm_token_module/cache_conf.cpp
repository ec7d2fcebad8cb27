// SPDX-License-Identifier: BSD-2-Clause

#include "cache_conf.hpp"

#include "redis_conf.hpp"

namespace psm::edge {

namespace {

char* const failed = static_cast<char*>(NGX_CONF_ERROR);

bool parse_count(std::string_view text, ngx_uint_t& out)
{
    const ngx_str_t s = to_ngx(text);
    const ngx_int_t n = ngx_atoi(s.data, s.len);

    out = static_cast<ngx_uint_t>(n);
    return n > 0;
}

bool parse_msec(std::string_view text, ngx_msec_t& out, bool may_be_zero)
{
    ngx_str_t s = to_ngx(text);
    const ngx_int_t n = ngx_parse_time(&s, 0);

    out = static_cast<ngx_msec_t>(n);
    return n > 0 || (n == 0 && may_be_zero);
}

/// One parameter of psm_token_cache into its place; false when it is bad,
/// unknown or given before.
bool set_cache_parameter(MainConf* mcf, std::string_view word)
{
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? "" : word.substr(equals + 1);

    if (name == "max") {
        return mcf->cache_max == NGX_CONF_UNSET_UINT &&
               parse_count(value, mcf->cache_max);
    }

    struct Time {
        std::string_view name;
        ngx_msec_t& slot;
        bool may_be_zero = false;
    };

    for (const Time& time : {Time{"valid", mcf->cache_valid},
                             Time{"negative", mcf->cache_negative},
                             Time{"lease", mcf->cache_lease},
                             Time{"stale", mcf->cache_stale, true}}) {
        if (name == time.name) {
            return time.slot == NGX_CONF_UNSET_MSEC &&
                   parse_msec(value, time.slot, time.may_be_zero);
        }
    }
    return false;
}

} // namespace

char* set_cache(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* mcf = static_cast<MainConf*>(conf);
    const std::span args(static_cast<ngx_str_t*>(cf->args->elts) + 1,
                         cf->args->nelts - 1);

    if (mcf->cache != NGX_CONF_UNSET) {
        return const_cast<char*>("is duplicate");
    }
    if (args.size() == 1 && view(args[0]) == "off") {
        mcf->cache = 0;
        return NGX_CONF_OK;
    }

    mcf->cache = 1;
    for (const ngx_str_t& arg : args) {
        if (!set_cache_parameter(mcf, view(arg))) {
            ngx_conf_log_error(
                NGX_LOG_EMERG, cf, 0,
                R"("%V" has an invalid or repeated parameter "%V")", &cmd->name,
                &arg);
            return failed;
        }
    }
    return NGX_CONF_OK;
}

/// Where changes are not told, the life of an entry is the time for which a
/// revoked token goes on.
char* init_cache(ngx_conf_t* cf, MainConf* mcf)
{
    const bool tracking = mcf->redis->address.tracking;

    if (!tracking && mcf->cache_stale != NGX_CONF_UNSET_MSEC &&
        mcf->cache_stale != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"psm_token_cache\" has stale=, which means "
                           "nothing with tracking=off in "
                           "\"psm_token_redis\": take one of them out");
        return failed;
    }
    ngx_conf_init_value(mcf->cache, 1);
    ngx_conf_init_uint_value(mcf->cache_max, 100000);
    ngx_conf_init_msec_value(mcf->cache_valid, tracking ? 300000 : 5000);
    ngx_conf_init_msec_value(mcf->cache_negative, 5000);
    ngx_conf_init_msec_value(mcf->cache_lease, 2000);
    ngx_conf_init_msec_value(mcf->cache_stale, 0);
    return NGX_CONF_OK;
}

} // namespace psm::edge
