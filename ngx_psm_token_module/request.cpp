// SPDX-License-Identifier: BSD-2-Clause

#include "request.hpp"

#include "suspend.hpp"

#include "../lib/text.hpp"

#include <new>
#include <type_traits>

namespace psm::edge {

namespace {

void cleanup_request(void* data)
{
    auto* request = static_cast<Request*>(data);

    forget_lookups(request);
    wipe_token(request);
}

} // namespace

Request* find_request(ngx_http_request_t* r) noexcept
{
    r = r->main;

    auto* request =
        static_cast<Request*>(ngx_http_get_module_ctx(r, ngx_psm_token_module));

    // An internal redirect, or an error page, has cleared the contexts.
    if (request == nullptr && (r->internal || r->filter_finalize)) {
        for (auto* cln = r->pool->cleanup; cln != nullptr; cln = cln->next) {
            if (cln->handler == cleanup_request) {
                request = static_cast<Request*>(cln->data);
                ngx_http_set_ctx(r, request, ngx_psm_token_module);
                break;
            }
        }
    }
    return request;
}

Request* create_request(ngx_http_request_t* r) noexcept
{
    static_assert(std::is_trivially_destructible_v<Request>);

    auto* cln = ngx_pool_cleanup_add(r->pool, sizeof(Request));
    if (cln == nullptr) {
        return nullptr;
    }

    auto* request = new (cln->data) Request{};
    request->r = r;
    request->nobody = r->internal != 0;
    cln->handler = cleanup_request;

    ngx_http_set_ctx(r, request, ngx_psm_token_module);
    return request;
}

void wipe_token(Request* request) noexcept
{
    if (request->token_len != 0) {
        wipe({request->token, request->token_len});
        request->token_len = 0;
        // Who asks behind that, for a post_action, can no longer be told.
        request->claim = {};
        request->nobody = !request->identified;
    }
}

} // namespace psm::edge
