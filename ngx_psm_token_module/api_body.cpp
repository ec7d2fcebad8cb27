// SPDX-License-Identifier: BSD-2-Clause
//
// A body may hold a token, so it must not get into a temporary file. nginx
// writes one whenever a buffer of its own is full, and a chunked body fills
// any buffer with the frames of its chunks. So it is read the way proxies pass
// it on unbuffered: each part is taken over here, and wiped where it stood.

#include "api_exchange.hpp"
#include "request.hpp"

#include "../lib/text.hpp"

namespace psm::edge {

namespace {

enum class Taken { all, too_large, failed };

bool append(Exchange* exchange, std::string_view part)
{
    const auto length = exchange->request->r->headers_in.content_length_n;

    return guard(exchange->request->r->connection->log, false, [&] {
        // At once: a string that grows leaves copies behind.
        if (exchange->body.empty()) {
            const bool known = length > 0 &&
                               exchange->request->r->headers_in.chunked == 0 &&
                               length < static_cast<off_t>(max_api_body);
            exchange->body.reserve(known ? static_cast<std::size_t>(length)
                                         : max_api_body);
        }
        exchange->body.append(part);
        return true;
    });
}

Taken take(Exchange* exchange, const ngx_buf_t* b)
{
    const ngx_str_t part{static_cast<std::size_t>(b->last - b->pos), b->pos};

    if (b->in_file || part.len > max_api_body - exchange->body.size()) {
        return Taken::too_large;
    }
    return part.len == 0 || append(exchange, view(part)) ? Taken::all
                                                         : Taken::failed;
}

/// What was received since the last time.
Taken take_parts(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;
    ngx_chain_t* link = r->request_body->bufs;

    while (link != nullptr) {
        ngx_buf_t* b = link->buf;
        if (const Taken taken = take(exchange, b); taken != Taken::all) {
            return taken;
        }

        ngx_chain_t* next = link->next;
        if (!exchange->shares_body) {
            wipe({reinterpret_cast<char*>(b->pos),
                  static_cast<std::size_t>(b->last - b->pos)});
            b->pos = b->last;
            r->request_body->bufs = next;
            ngx_free_chain(r->pool, link);
        }
        link = next;
    }
    return Taken::all;
}

void refuse(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;

    r->read_event_handler = ngx_http_block_reading;
    exchange->too_large(exchange);
}

/// Called when there may be more, at first by nginx's reading itself.
void on_body(ngx_http_request_t* r)
{
    Exchange* exchange = Exchange::find(r);

    for (;;) {
        switch (take_parts(exchange)) {
        case Taken::all:
            break;
        case Taken::too_large:
            refuse(exchange);
            return;
        case Taken::failed:
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }
        if (r->reading_body == 0) {
            exchange->read(exchange);
            return;
        }

        const ngx_int_t rc = ngx_http_read_unbuffered_request_body(r);
        if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
            refuse(exchange);
            return;
        }
        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }
        if (r->reading_body != 0 && r->request_body->bufs == nullptr) {
            r->read_event_handler = on_body;
            return;
        }
    }
}

} // namespace

ngx_int_t read_api_body(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;

    // Another module has read it, and may be sending it (mirror): it stays.
    exchange->shares_body = r->request_body != nullptr;
    r->request_body_in_file_only = 0;
    r->request_body_no_buffering = 1;

    const ngx_int_t rc = ngx_http_read_client_request_body(r, on_body);
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

} // namespace psm::edge
