// SPDX-License-Identifier: BSD-2-Clause
//
// What nginx loads: two modules in one file. The first has the directives
// and the phases; the second has the filters, and is placed by `config` so
// that it runs after headers_filter: "unless they have one" can only be said
// when add_header and expires are through.

#include "ngx.hpp"

#include "answer.hpp"
#include "conf.hpp"
#include "counters.hpp"
#include "gate.hpp"
#include "request.hpp"
#include "take.hpp"
#include "variables.hpp"
#include "worker.hpp"

namespace psm::edge {

namespace {

enum class Place { first, last };

/// nginx runs the handlers of a phase from the last registered to the first,
/// those of the log phase from the first on.
bool add_handler(ngx_http_core_main_conf_t* cmcf, ngx_uint_t phase,
                 ngx_http_handler_pt handler, Place place)
{
    ngx_array_t* handlers = &cmcf->phases[phase].handlers;
    auto* added = static_cast<ngx_http_handler_pt*>(ngx_array_push(handlers));

    if (added == nullptr) {
        return false;
    }

    const bool to_front =
        (place == Place::last) == (phase != NGX_HTTP_LOG_PHASE);
    auto* all = static_cast<ngx_http_handler_pt*>(handlers->elts);
    if (to_front) {
        ngx_memmove(all + 1, all,
                    (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
        added = all;
    }
    *added = handler;
    return true;
}

/// What nginx refused while parsing went through no phase of ours. Before it
/// has read the Host, nginx takes the default server for the one that was
/// meant, which may be one without the gate.
ngx_int_t log_handler(ngx_http_request_t* r)
{
    const bool takes =
        server_conf(r)->takes != 0 ||
        (r->headers_in.server.len == 0 && main_conf(r)->needed != 0);

    if (takes && find_request(r) == nullptr) {
        mask_unseen(r);
    }
    return NGX_OK;
}

ngx_int_t add_phases(ngx_conf_t* cf)
{
    auto* cmcf = static_cast<ngx_http_core_main_conf_t*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));

    const bool added =
        add_handler(cmcf, NGX_HTTP_SERVER_REWRITE_PHASE, take_handler,
                    Place::first) &&
        add_handler(cmcf, NGX_HTTP_PREACCESS_PHASE, preaccess_handler,
                    Place::first) &&
        add_handler(cmcf, NGX_HTTP_ACCESS_PHASE, access_handler, Place::last) &&
        add_handler(cmcf, NGX_HTTP_PRECONTENT_PHASE, precontent_handler,
                    Place::first) &&
        add_handler(cmcf, NGX_HTTP_LOG_PHASE, log_handler, Place::first);

    return added ? NGX_OK : NGX_ERROR;
}

ngx_int_t add_to_nginx(ngx_conf_t* cf)
{
    auto* mcf = static_cast<MainConf*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_psm_token_module));

    // Where there is the API alone it has said already where Redis is.
    if (mcf->gated == 0 && !mcf->redis_given) {
        mcf->redis = mcf->api_redis;
    }
    if (mcf->needed != 0 || mcf->metrics != 0) {
        mcf->counters = add_counter_zone(cf);
        if (mcf->counters == nullptr) {
            return NGX_ERROR;
        }
    }
    return add_phases(cf);
}

// clang-format off
ngx_http_module_t module_context = {
    add_variables,         /* preconfiguration */
    add_to_nginx,          /* postconfiguration */

    create_main_conf,      /* create main configuration */
    init_main_conf,        /* init main configuration */

    create_server_conf,    /* create server configuration */
    merge_server_conf,     /* merge server configuration */

    create_location_conf,  /* create location configuration */
    merge_location_conf    /* merge location configuration */
};

ngx_http_module_t filter_context = {
    nullptr,               /* preconfiguration */
    install_filters,       /* postconfiguration */

    nullptr,               /* create main configuration */
    nullptr,               /* init main configuration */

    nullptr,               /* create server configuration */
    nullptr,               /* merge server configuration */

    nullptr,               /* create location configuration */
    nullptr                /* merge location configuration */
};
// clang-format on

} // namespace

} // namespace psm::edge

// clang-format off
ngx_module_t ngx_psm_token_module = {
    NGX_MODULE_V1,
    &psm::edge::module_context,    /* module context */
    psm::edge::commands,           /* module directives */
    NGX_HTTP_MODULE,               /* module type */
    nullptr,                       /* init master */
    nullptr,                       /* init module */
    psm::edge::init_process,       /* init process */
    nullptr,                       /* init thread */
    nullptr,                       /* exit thread */
    psm::edge::exit_process,       /* exit process */
    nullptr,                       /* exit master */
    NGX_MODULE_V1_PADDING
};

ngx_module_t ngx_psm_token_filter_module = {
    NGX_MODULE_V1,
    &psm::edge::filter_context,    /* module context */
    nullptr,                       /* module directives */
    NGX_HTTP_MODULE,               /* module type */
    nullptr,                       /* init master */
    nullptr,                       /* init module */
    nullptr,                       /* init process */
    nullptr,                       /* init thread */
    nullptr,                       /* exit thread */
    nullptr,                       /* exit process */
    nullptr,                       /* exit master */
    NGX_MODULE_V1_PADDING
};
// clang-format on
