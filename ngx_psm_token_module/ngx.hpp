// SPDX-License-Identifier: BSD-2-Clause
//
// nginx's headers, in C linkage, and the few bridges between its types and
// C++: every cast between the two worlds stands here or in conf.hpp. Include
// this before anything else, because nginx fixes the size of off_t.

#pragma once

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <ngx_http.h>
}

#include <exception>
#include <span>
#include <string_view>

extern "C" ngx_module_t ngx_psm_token_module;
extern "C" ngx_module_t ngx_psm_token_filter_module;

namespace psm::edge {

inline std::string_view view(const ngx_str_t& s) noexcept
{
    return {reinterpret_cast<const char*>(s.data), s.len};
}

inline std::span<char> bytes(const ngx_str_t& s) noexcept
{
    return {reinterpret_cast<char*>(s.data), s.len};
}

/// The result shares the view's memory, which nginx must not write to unless
/// it is the pool's.
inline ngx_str_t to_ngx(std::string_view s) noexcept
{
    return {s.size(), reinterpret_cast<u_char*>(const_cast<char*>(s.data()))};
}

/// A copy in the pool; false when it is out of memory.
inline bool copy(ngx_pool_t* pool, std::string_view from,
                 std::string_view& to) noexcept
{
    auto* p = static_cast<char*>(ngx_pnalloc(pool, from.size()));
    if (p == nullptr) {
        return false;
    }
    ngx_memcpy(p, from.data(), from.size());
    to = {p, from.size()};
    return true;
}

/// Calls `visit` with each header of a list until it returns false.
template <class Visit>
void for_each_header(ngx_list_t& list, Visit visit)
{
    for (auto* part = &list.part; part != nullptr; part = part->next) {
        auto* headers = static_cast<ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (!visit(headers[i])) {
                return;
            }
        }
    }
}

/// The name of a request header in lower case.
inline std::string_view lowcase_name(const ngx_table_elt_t& header) noexcept
{
    return {reinterpret_cast<const char*>(header.lowcase_key), header.key.len};
}

/// Runs the body of a C callback that can reach a throwing library call. An
/// exception must not cross a C frame: it is logged, and `failed` returned.
template <class Result, class Body>
Result guard(ngx_log_t* log, Result failed, Body body) noexcept
{
    try {
        return body();
    } catch (const std::exception& e) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "psm token: %s", e.what());
    } catch (...) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "psm token: unknown exception");
    }
    return failed;
}

} // namespace psm::edge
