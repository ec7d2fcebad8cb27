// SPDX-License-Identifier: BSD-2-Clause
//
// The body is read, then a task works out the answer. It goes on from within a
// reply of Redis, where nothing of nginx may be ended: when it is done it posts
// an event, and there the answer is sent. A client that goes away ends the
// request, and with it the task.

#include "api.hpp"

#include "answer.hpp"
#include "api_conf.hpp"
#include "api_exchange.hpp"
#include "conf.hpp"
#include "counters.hpp"
#include "headers.hpp"
#include "request.hpp"
#include "suspend.hpp"
#include "worker.hpp"

#include <memory>
#include <new>

namespace psm::edge {

namespace {

/// Whoever began it goes on by `finished`. The exchange owns the task.
Task<> serve(Exchange* exchange, ApiRequest request)
{
    try {
        Task<ApiResponse> answer = exchange->api.answer(std::move(request));
        ApiResponse response = co_await answer;
        exchange->response = std::move(response);
    } catch (...) {
        exchange->failure = std::current_exception();
    }
    ngx_post_event(&exchange->finished, &ngx_posted_events);
}

void fill_headers(ngx_http_request_t* r, const ApiResponse& response)
{
    r->headers_out.status = response.status;
    r->headers_out.content_length_n = static_cast<off_t>(response.body.size());
    r->headers_out.content_type = to_ngx(response.type);
    r->headers_out.content_type_len = response.type.size();
    r->headers_out.content_type_lowcase = nullptr;

    // If-Match is about records: nginx would look for an ETag of its own.
    r->disable_not_modified = 1;
#if (NGX_HTTP_GZIP)
    // What gzip keeps of a token would not be wiped.
    r->gzip_tested = 1;
    r->gzip_ok = 0;
#endif
}

/// What it gives is for ngx_http_finalize_request().
ngx_int_t send(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;
    const ApiResponse& response = exchange->response;

    if (Worker* worker = Worker::get(main_conf(r))) {
        worker->counters.add(Counter::api_requests, class_of(response.status));
    }
    fill_headers(r, response);
    for (const auto& [name, value] : response.headers) {
        if (!add_header(r, name, value)) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (response.body.empty()) {
        r->header_only = 1;
    }

    const ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    auto* b = static_cast<ngx_buf_t*>(ngx_calloc_buf(r->pool));
    if (b == nullptr) {
        return NGX_ERROR;
    }
    const ngx_str_t body = to_ngx(response.body);
    b->pos = body.data;
    b->last = body.data + body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    ngx_chain_t out{b, nullptr};
    return ngx_http_output_filter(r, &out);
}

/// The response to a task that failed; false when there can be none.
bool word_failure(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;
    ngx_log_t* log = r->connection->log;

    return guard(log, false, [&] {
        try {
            std::rethrow_exception(exchange->failure);
        } catch (const CallFailed& failure) {
            const bool changing = exchange->port.changing(failure);
            ngx_log_error(NGX_LOG_ERR, log, 0, "psm token: the API: %s%s",
                          failure.what(),
                          changing ? ", and may have made the change" : "");
            exchange->response = unavailable_response(request_id(r), changing);
        }
        return true;
    });
}

void on_finished(ngx_event_t* ev)
{
    auto* exchange = static_cast<Exchange*>(ev->data);
    ngx_http_request_t* r = exchange->request->r;
    ngx_connection_t* c = r->connection;

    ngx_http_set_log_request(c->log, r);
    exchange->task.reset();
    r->read_event_handler = ngx_http_block_reading;

    ngx_int_t rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (ngx_handle_read_event(c->read, 0) == NGX_OK &&
        (exchange->failure == nullptr || word_failure(exchange))) {
        rc = send(exchange);
    }
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}

/// The body is there.
void begin(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;

    const bool begun =
        ngx_handle_read_event(r->connection->read, 0) == NGX_OK &&
        guard(r->connection->log, false, [&] {
            exchange->task.emplace(serve(exchange, make_api_request(exchange)));
            return true;
        });
    if (!begun) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }
    // So that a client that goes away is noticed while we wait.
    r->read_event_handler = ngx_http_test_reading;
    exchange->task->start();
}

ngx_int_t answer_too_large(Exchange* exchange)
{
    ngx_http_request_t* r = exchange->request->r;

    // What was not read would be taken for the next request.
    r->keepalive = 0;
    r->lingering_close = 1;
    const bool worded = guard(r->connection->log, false, [&] {
        exchange->response = too_large_response(request_id(r));
        return true;
    });
    return worded ? send(exchange) : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

void destroy(void* data)
{
    std::destroy_at(static_cast<Exchange*>(data));
}

/// nullptr when memory is short.
Exchange* create_exchange(Request* request, Worker& worker)
{
    ngx_http_request_t* r = request->r;
    Api::Limits limits = api_limits(location_conf(r));
    limits.format = format_of(server_conf(r));

    auto* cln = ngx_pool_cleanup_add(r->pool, sizeof(Exchange));
    if (cln == nullptr) {
        return nullptr;
    }
    Exchange* exchange =
        guard(r->connection->log, static_cast<Exchange*>(nullptr), [&] {
            return new (cln->data) Exchange(request, worker, limits);
        });
    if (exchange == nullptr) {
        return nullptr;
    }
    cln->handler = destroy;

    exchange->read = begin;
    exchange->too_large = [](Exchange* x) {
        ngx_http_finalize_request(x->request->r, answer_too_large(x));
    };
    exchange->finished.handler = on_finished;
    exchange->finished.data = exchange;
    exchange->finished.log = r->connection->log;
    request->exchange = exchange;
    return exchange;
}

ngx_int_t read_caller(Request* request)
{
    ngx_http_request_t* r = request->r;

    if (!request->identified) {
        // nginx has established an identity: that is whose Basic is.
        const unsigned basic = location_conf(r)->api_user != nullptr
                                   ? carrier_bit(Carrier::basic)
                                   : 0U;
        const ngx_int_t rc = identify(
            request,
            static_cast<CarrierSet>(carriers_of(server_conf(r)) & ~basic));
        if (rc != NGX_OK) {
            return rc;
        }
    }
    return drop_token_headers(request) ? NGX_OK
                                       : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

/// As far as it goes without asking for anything. The API judges by itself,
/// of what Redis says then.
void introduce(Request* request)
{
    const Reason reason =
        decide({},
               {.standing = request->standing, .identity = request->identity},
               ChannelPrivacy::closed, ngx_time())
            .reason;
    const auto status = info(reason).status;
    const bool lives = status != NGX_HTTP_UNAUTHORIZED &&
                       status != NGX_HTTP_SERVICE_UNAVAILABLE;

    request->decision = {.reason = lives ? Reason::granted : reason};
    request->channel = {};
    request->decided = true;
    request->stage = Stage::idle;
}

} // namespace

ngx_int_t prepare_api(Request* request)
{
    if (request->stage == Stage::idle) {
        const bool looked_up =
            request->identified && request->standing != Standing::unavailable;
        const ngx_int_t rc = read_caller(request);
        if (rc != NGX_OK) {
            return rc;
        }
        request->takes_stale = false;
        if (request->hashed && !looked_up) {
            ask_token(request, false);
        }
        if (must_wait(request)) {
            return NGX_AGAIN;
        }
    }
    introduce(request);
    return NGX_DECLINED;
}

ngx_int_t api_handler(ngx_http_request_t* r)
{
    // An answer of the API is neither a part of a page nor an error page.
    if (r != r->main || r->error_page || r->err_status != 0 || r->post_action) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "psm token: the API answers clients only, not "
                      "subrequests and error pages");
        return NGX_HTTP_FORBIDDEN;
    }

    Request* request = find_request(r);
    Worker* worker = Worker::get(main_conf(r));
    if (request == nullptr || !request->identified || worker == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    Exchange* exchange = create_exchange(request, *worker);
    if (exchange == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->headers_in.content_length_n > static_cast<off_t>(max_api_body)) {
        r->expect_tested = 1;
        const ngx_int_t rc = ngx_http_discard_request_body(r);
        return rc == NGX_OK ? answer_too_large(exchange) : rc;
    }
    const ngx_int_t rc = read_api_body(exchange);
    return rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE ? answer_too_large(exchange)
                                                   : rc;
}

} // namespace psm::edge
