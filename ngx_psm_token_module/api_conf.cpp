// SPDX-License-Identifier: BSD-2-Clause

#include "api_conf.hpp"

#include "api.hpp"
#include "directive.hpp"
#include "redis_conf.hpp"

#include <algorithm>

namespace psm::edge {

namespace {

ngx_http_core_loc_conf_t* location_of(ngx_conf_t* cf)
{
    return static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
}

/// Where the path begins with the location's name, so that the routes can
/// follow it.
bool is_prefix(const ngx_http_core_loc_conf_t* clcf)
{
#if (NGX_PCRE)
    if (clcf->regex != nullptr) {
        return false;
    }
#endif
    return clcf->exact_match == 0 && clcf->named == 0;
}

/// The defaults come last: one of them depends on the other time.
void inherit(time_t& slot, time_t prev)
{
    if (slot == NGX_CONF_UNSET) {
        slot = prev;
    }
}

char* conflict(ngx_conf_t* cf, const char* text)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       R"("psm_token_api" in location "%V": %s)",
                       &location_of(cf)->name, text);
    return conf_failed;
}

} // namespace

char* set_api(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* lcf = static_cast<LocationConf*>(conf);
    ngx_http_core_loc_conf_t* clcf = location_of(cf);

    if (lcf->api != 0) {
        return const_cast<char*>("is duplicate");
    }
    if (!is_prefix(clcf)) {
        return complain(cf, cmd,
                        "needs a location by prefix such as \"/psm/\", not",
                        clcf->name);
    }
    lcf->api = 1;
    clcf->handler = api_handler;

    auto* mcf = static_cast<MainConf*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_psm_token_module));
    mcf->api = 1;
    return NGX_CONF_OK;
}

char* set_api_redis(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* mcf = static_cast<MainConf*>(conf);

    if (mcf->api_redis != nullptr) {
        return const_cast<char*>("is duplicate");
    }
    mcf->api_redis = read_redis_conf(cf, cmd->name, arguments(cf));
    return mcf->api_redis == nullptr ? conf_failed : NGX_CONF_OK;
}

char* set_api_user(ngx_conf_t* cf, ngx_command_t* /*cmd*/, void* conf)
{
    return compile(cf, &static_cast<LocationConf*>(conf)->api_user);
}

char* set_api_admin(ngx_conf_t* cf, ngx_command_t* /*cmd*/, void* conf)
{
    return compile(cf, &static_cast<LocationConf*>(conf)->api_admin);
}

char* set_api_age(ngx_conf_t* cf, ngx_command_t* cmd, void* conf)
{
    auto* slot =
        reinterpret_cast<time_t*>(static_cast<char*>(conf) + cmd->offset);
    ngx_str_t& arg = arguments(cf)[0];

    if (*slot != NGX_CONF_UNSET) {
        return const_cast<char*>("is duplicate");
    }
    // 0: as long as one likes, for ever too. That is no default.
    const bool is_max = cmd->offset == offsetof(LocationConf, api_max_age);
    *slot = ngx_parse_time(&arg, 1);
    if (*slot < (is_max ? 0 : 1)) {
        return complain(cf, cmd, "must be a time such as 30d, not", arg);
    }
    return NGX_CONF_OK;
}

char* init_api(ngx_conf_t* cf, MainConf* mcf)
{
    if (mcf->api_redis == nullptr) {
        mcf->api_redis = mcf->redis;
        return NGX_CONF_OK;
    }
    return finish_redis_conf(cf, to_ngx("psm_token_api_redis"), mcf->api_redis)
               ? NGX_CONF_OK
               : conf_failed;
}

Api::Limits api_limits(const LocationConf* conf)
{
    Api::Limits limits;

    if (conf->api_max_age != NGX_CONF_UNSET) {
        limits.max_age = conf->api_max_age;
    }
    if (conf->api_default_age != NGX_CONF_UNSET) {
        limits.default_age = conf->api_default_age;
    } else if (limits.max_age > 0) {
        limits.default_age = std::min(limits.default_age, limits.max_age);
    }
    limits.privacy = static_cast<Privacy>(conf->privacy);
    return limits;
}

namespace {

/// What does not go together in a location of the API.
char* check_api(ngx_conf_t* cf, const LocationConf* conf)
{
    const ngx_http_core_loc_conf_t* clcf = location_of(cf);

    if (conf->enable == 1) {
        return conflict(cf, "it identifies tokens by itself, and excludes "
                            "\"psm_token on\" there");
    }
    if (clcf->handler != api_handler && !clcf->noname) {
        return conflict(cf, "another directive answers there, too");
    }
    // An address that is allowed suffices then, and $remote_user is whatever
    // the client wrote: nobody has looked at the password.
    if (conf->api_user != nullptr && clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        return conflict(cf, "\"psm_token_api_user\" must be established for "
                            "every request, and \"satisfy any\" lets some in "
                            "without");
    }
    const Api::Limits limits = api_limits(conf);
    if (limits.max_age > 0 && limits.default_age > limits.max_age) {
        return conflict(cf, "\"psm_token_api_default_age\" is longer than "
                            "\"psm_token_api_max_age\"");
    }
    return NGX_CONF_OK;
}

} // namespace

char* merge_api(ngx_conf_t* cf, const LocationConf* prev, LocationConf* conf)
{
    ngx_http_core_loc_conf_t* clcf = location_of(cf);

    if (conf->api_user == nullptr) {
        conf->api_user = prev->api_user;
    }
    if (conf->api_admin == nullptr) {
        conf->api_admin = prev->api_admin;
    }
    inherit(conf->api_max_age, prev->api_max_age);
    inherit(conf->api_default_age, prev->api_default_age);

    // What is inside `if` or `limit_except` is the same location.
    if (prev->api != 0 && clcf->noname) {
        conf->api = 1;
        if (clcf->lmt_excpt && clcf->handler == nullptr) {
            clcf->handler = api_handler;
        }
    }
    if (conf->api == 0) {
        return NGX_CONF_OK;
    }

    if (char* const wrong = check_api(cf, conf); wrong != NGX_CONF_OK) {
        return wrong;
    }
    // For who reads the body before us (mirror): not into a file either.
    clcf->client_body_in_file_only = 0;
    clcf->client_body_buffer_size =
        std::max(clcf->client_body_buffer_size, max_api_body);
    // Larger bodies are refused by the API, in its own words.
    if (clcf->client_max_body_size > static_cast<off_t>(max_api_body)) {
        clcf->client_max_body_size = 0;
    }
    return NGX_CONF_OK;
}

} // namespace psm::edge
