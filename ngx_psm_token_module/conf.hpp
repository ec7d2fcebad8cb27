// SPDX-License-Identifier: BSD-2-Clause
//
// The configuration of the module: what the directives set, merged and
// inherited as nginx does it. The structs are plain, live in the
// configuration pool and are read-only while requests run, but for the
// worker's own object behind MainConf::worker.

#pragma once

#include "ngx.hpp"

#include "../lib/carrier.hpp"
#include "../lib/policy.hpp"
#include "../lib/redis_address.hpp"
#include "../lib/token.hpp"

#include <string>
#include <vector>

namespace psm::edge {

class Worker;

/// Where Redis is, ready to connect: a C++ object of the configuration,
/// destroyed with its pool.
struct RedisConf {
    RedisAddress address;
    std::string password;
    ngx_ssl_t* tls = nullptr;    // none: plain
    ngx_addr_t* addrs = nullptr; // none: to be resolved when they are needed
    ngx_uint_t naddrs = 0;
    ngx_http_core_loc_conf_t* core = nullptr; // of http{}: its resolver
    std::vector<RedisConf*> sentinels;
};

struct MainConf {
    RedisConf* redis;
    bool redis_given; // and not what it is by default

    ngx_flag_t cache; // psm_token_cache off is 0
    ngx_uint_t cache_max;
    ngx_msec_t cache_valid;
    ngx_msec_t cache_negative;
    ngx_msec_t cache_lease;
    ngx_msec_t cache_stale; // 0: off

    RedisConf* last_used; // where uses are written; none: nowhere
    ngx_msec_t flush;     // and how often

    RedisConf* api_redis; // where the API writes; that of `redis` by default
    ngx_uint_t api;       // some location is the API

    ngx_int_t request_id; // index of $request_id
    ngx_uint_t needed;    // some server takes tokens
    ngx_uint_t gated;     // some location has the gate on
    ngx_uint_t metrics;   // some location shows the counters
    ngx_shm_zone_t* counters;
    Worker* worker; // of this process; see worker.hpp
};

struct ServerConf {
    ngx_array_t* bases; // of std::string_view, shortest first
    ngx_uint_t carriers;
    ngx_uint_t format;
    /// The gate or the API is on in this server or in one of its locations:
    /// path tokens are taken and masked in all of it.
    ngx_uint_t takes;
};

struct LocationConf {
    ngx_flag_t enable; // psm_token
    bool gate;         // and this is not the API, which has none
    ngx_http_complex_value_t* require;
    ngx_http_complex_value_t* channel;
    ngx_flag_t scope_levels;
    ngx_uint_t privacy;
    ngx_flag_t strict;
    ngx_flag_t dry_run;
    ngx_flag_t forward;
    time_t warn;
    /// The value of `require` when it holds no variables.
    Requirement fixed_requirement;

    ngx_uint_t api; // this is the API
    ngx_http_complex_value_t* api_user;
    ngx_http_complex_value_t* api_admin;
    time_t api_max_age; // may be unset; see api_limits()
    time_t api_default_age;
};

extern ngx_command_t commands[];

void* create_main_conf(ngx_conf_t* cf);
char* init_main_conf(ngx_conf_t* cf, void* conf);
void* create_server_conf(ngx_conf_t* cf);
char* merge_server_conf(ngx_conf_t* cf, void* parent, void* child);
void* create_location_conf(ngx_conf_t* cf);
char* merge_location_conf(ngx_conf_t* cf, void* parent, void* child);

inline MainConf* main_conf(ngx_http_request_t* r) noexcept
{
    return static_cast<MainConf*>(
        ngx_http_get_module_main_conf(r, ngx_psm_token_module));
}

inline ServerConf* server_conf(ngx_http_request_t* r) noexcept
{
    return static_cast<ServerConf*>(
        ngx_http_get_module_srv_conf(r, ngx_psm_token_module));
}

inline LocationConf* location_conf(ngx_http_request_t* r) noexcept
{
    return static_cast<LocationConf*>(
        ngx_http_get_module_loc_conf(r, ngx_psm_token_module));
}

inline std::span<const std::string_view>
bases_of(const ServerConf* conf) noexcept
{
    return {static_cast<const std::string_view*>(conf->bases->elts),
            conf->bases->nelts};
}

inline CarrierSet carriers_of(const ServerConf* conf) noexcept
{
    return static_cast<CarrierSet>(conf->carriers);
}

inline TokenFormat format_of(const ServerConf* conf) noexcept
{
    return static_cast<TokenFormat>(conf->format);
}

} // namespace psm::edge
