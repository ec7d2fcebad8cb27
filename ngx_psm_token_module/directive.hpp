// SPDX-License-Identifier: BSD-2-Clause
//
// What the functions that read directives share.

#pragma once

#include "ngx.hpp"

namespace psm::edge {

inline char* const conf_failed = static_cast<char*>(NGX_CONF_ERROR);

/// Logs `"directive" <text> "value"` and fails.
inline char* complain(ngx_conf_t* cf, const ngx_command_t* cmd,
                      const char* text, const ngx_str_t& value)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, R"("%V" %s "%V")", &cmd->name,
                       text, &value);
    return conf_failed;
}

inline std::span<ngx_str_t> arguments(ngx_conf_t* cf)
{
    return {static_cast<ngx_str_t*>(cf->args->elts) + 1, cf->args->nelts - 1};
}

/// Reads the first argument, a value with variables, into *slot.
inline char* compile(ngx_conf_t* cf, ngx_http_complex_value_t** slot)
{
    if (*slot != nullptr) {
        return const_cast<char*>("is duplicate");
    }
    *slot = static_cast<ngx_http_complex_value_t*>(
        ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t)));
    if (*slot == nullptr) {
        return conf_failed;
    }

    ngx_http_compile_complex_value_t ccv{};
    ccv.cf = cf;
    ccv.value = arguments(cf).data();
    ccv.complex_value = *slot;
    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : conf_failed;
}

} // namespace psm::edge
