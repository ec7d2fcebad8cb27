// SPDX-License-Identifier: BSD-2-Clause
//
// Carrier headers leave the request in PREACCESS. Until then, where the gate
// is off and under psm_token_forward, they stay in the list that proxies
// send, so $http_authorization and its like are ours: they show the value
// with the token masked. Nothing here is cached: the values come to be during
// the request.

#include "variables.hpp"

#include "conf.hpp"
#include "headers.hpp"
#include "request.hpp"

#include "../lib/text.hpp"
#include "../lib/whole_token.hpp"

#include <array>

namespace psm::edge {

namespace {

constexpr std::string_view mask = "****";

void set_value(ngx_http_variable_value_t* v, std::string_view text)
{
    v->data = to_ngx(text).data;
    v->len = static_cast<unsigned>(text.size());
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
}

std::string_view status_of(const Request& q)
{
    return info(q.decision.reason).code;
}

std::string_view level_of(const Request& q)
{
    return q.decision.held == Level::none ? std::string_view{}
                                          : level_name(q.decision.held);
}

std::string_view type_of(const Request& q)
{
    return q.identity.kind() == TokenKind::scope ? "scope" : "resource";
}

using Text = std::string_view (*)(const Request& request);

/// The text of a variable; the second kind needs a known identity.
struct Variable {
    ngx_str_t name;
    Text text;
    bool of_identity;
};

const Variable variables[] = {
    {ngx_string("psm_token_status"), status_of, false},
    {ngx_string("psm_token_id"),
     [](const Request& q) { return q.identity.id(); }, true},
    {ngx_string("psm_token_name"),
     [](const Request& q) { return q.identity.name(); }, true},
    {ngx_string("psm_token_owner"),
     [](const Request& q) { return q.identity.owner(); }, true},
    {ngx_string("psm_token_type"), type_of, true},
    {ngx_string("psm_token_channel"),
     [](const Request& q) { return q.channel; }, false},
    {ngx_string("psm_token_level"), level_of, true},
    {ngx_string("psm_token_cache"),
     [](const Request& q) {
         return cache_status_names[static_cast<std::size_t>(q.cache)];
     },
     false},
};

ngx_int_t text_variable(ngx_http_request_t* r, ngx_http_variable_value_t* v,
                        uintptr_t data)
{
    const auto* variable = reinterpret_cast<const Variable*>(data);
    const Request* request = find_request(r);

    if (request == nullptr || !request->decided ||
        (variable->of_identity && request->standing != Standing::known)) {
        v->not_found = 1;
        return NGX_OK;
    }
    set_value(v, variable->text(*request));
    return NGX_OK;
}

ngx_int_t expires_variable(ngx_http_request_t* r, ngx_http_variable_value_t* v,
                           uintptr_t /*data*/)
{
    const Request* request = find_request(r);

    if (request == nullptr || !request->decided ||
        request->standing != Standing::known ||
        request->identity.expires() == never_expires) {
        v->not_found = 1;
        return NGX_OK;
    }

    auto* p = static_cast<u_char*>(ngx_pnalloc(r->pool, NGX_INT64_LEN));
    if (p == nullptr) {
        return NGX_ERROR;
    }
    const u_char* end =
        ngx_sprintf(p, "%L", static_cast<int64_t>(request->identity.expires()));
    set_value(v, {reinterpret_cast<char*>(p), static_cast<size_t>(end - p)});
    return NGX_OK;
}

const ngx_table_elt_t* find_header(ngx_http_request_t* r, std::string_view name)
{
    const ngx_table_elt_t* found = nullptr;

    for_each_header(r->headers_in.headers, [&](const ngx_table_elt_t& h) {
        found = lowcase_name(h) == name ? &h : nullptr;
        return found == nullptr;
    });
    return found;
}

/// What a carrier header says to this server, whatever carriers it accepts.
struct Reading {
    std::optional<Credential> credential;
    bool hide = false;
    std::array<char, max_basic_length> scratch{}; // the credential's text

    Reading(ngx_http_request_t* r, std::string_view name,
            std::string_view value)
    {
        const TokenFormat format = format_of(server_conf(r));

        if (name == "authorization") {
            credential =
                read_authorization(value, all_carriers, format, scratch);
        } else {
            credential = read_plain_header(Carrier::x_auth, value, format);
        }
        // A token of another issuer has no shape to be known by when
        // something stands beside it.
        hide =
            holds_token(credential, value, {scratch.data(), scratch.size()}) ||
            (credential && format == TokenFormat::any);
    }

    ~Reading() { wipe(scratch); }

    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
};

/// "Bearer ****": a scheme we know stays, for whoever reads the log.
ngx_int_t set_masked(ngx_http_request_t* r, ngx_http_variable_value_t* v,
                     std::string_view value, bool has_scheme)
{
    const std::size_t scheme = has_scheme ? value.find(' ') + 1 : 0;
    auto* p = static_cast<u_char*>(ngx_pnalloc(r->pool, scheme + mask.size()));

    if (p == nullptr) {
        return NGX_ERROR;
    }
    u_char* end = ngx_cpymem(p, value.data(), scheme);
    ngx_memcpy(end, mask.data(), mask.size());
    set_value(v, {reinterpret_cast<char*>(p), scheme + mask.size()});
    return NGX_OK;
}

struct HeaderVariable {
    ngx_str_t name;
    std::string_view header;
};

const HeaderVariable header_variables[] = {
    {ngx_string("http_authorization"), "authorization"},
    {ngx_string("http_x_auth"), "x-auth"},
    {ngx_string("http_x_api_key"), "x-api-key"},
};

ngx_int_t header_variable(ngx_http_request_t* r, ngx_http_variable_value_t* v,
                          uintptr_t data)
{
    const std::string_view name =
        reinterpret_cast<const HeaderVariable*>(data)->header;
    const ngx_table_elt_t* header = find_header(r, name);

    if (header == nullptr) {
        v->not_found = 1;
        return NGX_OK;
    }

    const std::string_view value = view(header->value);

    if (server_conf(r)->takes != 0) {
        const Reading reading(r, name, value);
        if (reading.hide) {
            return set_masked(r, v, value,
                              name == "authorization" && reading.credential);
        }
    }
    set_value(v, value);
    return NGX_OK;
}

/// $remote_user as nginx makes it, masked when the user is the token.
ngx_int_t remote_user_variable(ngx_http_request_t* r,
                               ngx_http_variable_value_t* v, uintptr_t /*data*/)
{
    const ngx_int_t rc = ngx_http_auth_basic_user(r);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }
    if (rc == NGX_DECLINED) {
        v->not_found = 1;
        return NGX_OK;
    }

    const std::string_view user = view(r->headers_in.user);
    const ngx_table_elt_t* header = r->headers_in.authorization;
    bool hide = false;

    if (server_conf(r)->takes != 0 && header != nullptr) {
        const Reading reading(r, "authorization", view(header->value));
        hide = has_whole_token(user) || (reading.hide && reading.credential &&
                                         (reading.credential->text.empty() ||
                                          reading.credential->text == user));
    }
    set_value(v, hide ? mask : user);
    return NGX_OK;
}

/// nginx's own variables are not changeable, so the one we take over is
/// found in the table of all names.
void take_over(ngx_conf_t* cf, std::string_view name,
               ngx_http_get_variable_pt handler)
{
    auto* cmcf = static_cast<ngx_http_core_main_conf_t*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    auto* keys = static_cast<ngx_hash_key_t*>(cmcf->variables_keys->keys.elts);

    for (ngx_uint_t i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (view(keys[i].key) == name) {
            auto* v = static_cast<ngx_http_variable_t*>(keys[i].value);
            v->get_handler = handler;
            v->flags |= NGX_HTTP_VAR_NOCACHEABLE;
        }
    }
}

bool add_variable(ngx_conf_t* cf, const ngx_str_t& name,
                  ngx_http_get_variable_pt handler, uintptr_t data)
{
    ngx_str_t own = name;
    ngx_http_variable_t* v =
        ngx_http_add_variable(cf, &own, NGX_HTTP_VAR_NOCACHEABLE);

    if (v == nullptr) {
        return false;
    }
    v->get_handler = handler;
    v->data = data;
    return true;
}

} // namespace

ngx_int_t add_variables(ngx_conf_t* cf)
{
    for (const Variable& variable : variables) {
        if (!add_variable(cf, variable.name, text_variable,
                          reinterpret_cast<uintptr_t>(&variable))) {
            return NGX_ERROR;
        }
    }
    if (!add_variable(cf, to_ngx("psm_token_expires"), expires_variable, 0)) {
        return NGX_ERROR;
    }
    for (const HeaderVariable& variable : header_variables) {
        if (!add_variable(cf, variable.name, header_variable,
                          reinterpret_cast<uintptr_t>(&variable))) {
            return NGX_ERROR;
        }
    }
    take_over(cf, "remote_user", remote_user_variable);
    return NGX_OK;
}

} // namespace psm::edge
