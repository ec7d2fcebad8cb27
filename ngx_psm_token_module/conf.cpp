// SPDX-License-Identifier: BSD-2-Clause
//
// Making and merging the configuration; the directives that fill it stand in
// directives.cpp.

#include "conf.hpp"

#include "api_conf.hpp"
#include "cache_conf.hpp"
#include "redis_conf.hpp"

namespace psm::edge {

namespace {

char* const failed = static_cast<char*>(NGX_CONF_ERROR);

/// The bases of a server that has no psm_token_base: "/" alone.
ngx_array_t* root_base(ngx_conf_t* cf)
{
    ngx_array_t* bases =
        ngx_array_create(cf->pool, 1, sizeof(std::string_view));

    if (bases != nullptr) {
        *static_cast<std::string_view*>(ngx_array_push(bases)) = "/";
    }
    return bases;
}

/// What is asked for, where it is not the request alone that says so.
void merge_target(const LocationConf& prev, LocationConf* conf)
{
    if (conf->require == nullptr) {
        conf->require = prev.require;
        conf->fixed_requirement = prev.fixed_requirement;
    }
    if (conf->channel == nullptr) {
        conf->channel = prev.channel;
    }
}

/// A location of this kind makes its server take tokens out of requests.
void note_need(ngx_conf_t* cf, const LocationConf* conf)
{
    auto* scf = static_cast<ServerConf*>(
        ngx_http_conf_get_module_srv_conf(cf, ngx_psm_token_module));
    auto* mcf = static_cast<MainConf*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_psm_token_module));
    scf->takes = 1;
    mcf->needed = 1;
    mcf->gated |= static_cast<ngx_uint_t>(conf->gate);
}

} // namespace

void* create_main_conf(ngx_conf_t* cf)
{
    auto* mcf = static_cast<MainConf*>(ngx_pcalloc(cf->pool, sizeof(MainConf)));

    if (mcf != nullptr) {
        mcf->cache = NGX_CONF_UNSET;
        mcf->cache_max = NGX_CONF_UNSET_UINT;
        mcf->cache_valid = NGX_CONF_UNSET_MSEC;
        mcf->cache_negative = NGX_CONF_UNSET_MSEC;
        mcf->cache_lease = NGX_CONF_UNSET_MSEC;
        mcf->cache_stale = NGX_CONF_UNSET_MSEC;
        mcf->flush = NGX_CONF_UNSET_MSEC;
    }
    return mcf;
}

char* init_main_conf(ngx_conf_t* cf, void* conf)
{
    auto* mcf = static_cast<MainConf*>(conf);
    ngx_str_t request_id = ngx_string("request_id");

    mcf->request_id = ngx_http_get_variable_index(cf, &request_id);
    if (mcf->request_id == NGX_ERROR) {
        return failed;
    }

    const ngx_str_t directive = ngx_string("psm_token_redis");
    mcf->redis_given = mcf->redis != nullptr;
    if (mcf->redis == nullptr) {
        ngx_str_t uri = ngx_string("redis://127.0.0.1:6379");
        mcf->redis = read_redis_conf(cf, directive, {&uri, 1});
    }
    if (mcf->redis == nullptr ||
        !finish_redis_conf(cf, directive, mcf->redis)) {
        return failed;
    }
    if (mcf->last_used != nullptr &&
        !finish_redis_conf(cf, to_ngx("psm_token_last_used"), mcf->last_used)) {
        return failed;
    }
    if (char* rc = init_api(cf, mcf); rc != NGX_CONF_OK) {
        return rc;
    }
    return init_cache(cf, mcf);
}

void* create_server_conf(ngx_conf_t* cf)
{
    auto* scf =
        static_cast<ServerConf*>(ngx_pcalloc(cf->pool, sizeof(ServerConf)));

    if (scf != nullptr) {
        scf->carriers = NGX_CONF_UNSET_UINT;
        scf->format = NGX_CONF_UNSET_UINT;
    }
    return scf;
}

char* merge_server_conf(ngx_conf_t* cf, void* parent, void* child)
{
    const auto* prev = static_cast<ServerConf*>(parent);
    auto* conf = static_cast<ServerConf*>(child);

    ngx_conf_merge_uint_value(conf->carriers, prev->carriers, all_carriers);
    ngx_conf_merge_uint_value(conf->format, prev->format,
                              static_cast<ngx_uint_t>(TokenFormat::psm));
    if (conf->bases == nullptr) {
        conf->bases = prev->bases;
    }
    if (conf->bases == nullptr) {
        conf->bases = root_base(cf);
    }
    return conf->bases == nullptr ? failed : NGX_CONF_OK;
}

void* create_location_conf(ngx_conf_t* cf)
{
    auto* lcf =
        static_cast<LocationConf*>(ngx_pcalloc(cf->pool, sizeof(LocationConf)));

    if (lcf != nullptr) {
        lcf->enable = NGX_CONF_UNSET;
        lcf->scope_levels = NGX_CONF_UNSET;
        lcf->privacy = NGX_CONF_UNSET_UINT;
        lcf->strict = NGX_CONF_UNSET;
        lcf->dry_run = NGX_CONF_UNSET;
        lcf->forward = NGX_CONF_UNSET;
        lcf->warn = NGX_CONF_UNSET;
        lcf->api_max_age = NGX_CONF_UNSET;
        lcf->api_default_age = NGX_CONF_UNSET;
    }
    return lcf;
}

char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child)
{
    const auto* prev = static_cast<LocationConf*>(parent);
    auto* conf = static_cast<LocationConf*>(child);

    if (char* rc = merge_api(cf, prev, conf); rc != NGX_CONF_OK) {
        return rc;
    }
    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_value(conf->scope_levels, prev->scope_levels, 0);
    ngx_conf_merge_uint_value(conf->privacy, prev->privacy,
                              static_cast<ngx_uint_t>(Privacy::closed));
    ngx_conf_merge_value(conf->strict, prev->strict, 0);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);
    ngx_conf_merge_value(conf->forward, prev->forward, 0);
    ngx_conf_merge_sec_value(conf->warn, prev->warn, 604800); // 7d

    merge_target(*prev, conf);

    conf->gate = conf->enable != 0 && conf->api == 0;
    if (conf->gate || conf->api != 0) {
        note_need(cf, conf);
    }
    return NGX_CONF_OK;
}

} // namespace psm::edge
