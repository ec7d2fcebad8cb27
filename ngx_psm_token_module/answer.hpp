// SPDX-License-Identifier: BSD-2-Clause
//
// The filters: they word a denial, mark what is private, and give a Location
// its token back. ACCESS answers with a status only, so that `satisfy any`,
// `error_page` and other access modules work as nginx users expect.

#pragma once

#include "ngx.hpp"

namespace psm::edge {

/// Puts the filters on top of nginx's chains.
ngx_int_t install_filters(ngx_conf_t* cf);

/// nginx's id of the request; empty when memory is short.
[[nodiscard]] std::string_view request_id(ngx_http_request_t* r);

/// Adds a response header; both texts must live as long as the request. False
/// when memory is short.
bool add_header(ngx_http_request_t* r, std::string_view name,
                std::string_view value);

} // namespace psm::edge
