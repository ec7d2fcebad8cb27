// SPDX-License-Identifier: BSD-2-Clause
//
// One request to the API while it is worked on: its body, the task that works
// out the answer, the answer. It lives behind a cleanup record of the request's
// pool; when that goes, whatever the task waits for is forgotten, and what may
// have held a token is wiped.

#pragma once

#include "api_port.hpp"
#include "ngx.hpp"

#include "../lib/api.hpp"

#include <exception>
#include <optional>
#include <string>

namespace psm::edge {

class Worker;
struct Request;

struct Exchange {
    Exchange(Request* of, Worker& worker, const Api::Limits& limits);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// That of a main request with the API's state; nullptr when there is none.
    [[nodiscard]] static Exchange* find(ngx_http_request_t* r) noexcept;

    Request* request;

    // What is done with the body: when it is there, and when it is longer than
    // max_api_body. Both end in ngx_http_finalize_request(), now or later.
    void (*read)(Exchange* exchange) = nullptr;
    void (*too_large)(Exchange* exchange) = nullptr;
    bool shares_body = false; // what nginx has of it is others' as well
    std::string body;

    ApiResponse response; // what is sent points into it
    std::exception_ptr failure;
    ngx_event_t finished{}; // posted when the task is done

    ApiPort port;
    Store store;
    Api api;
    std::optional<Task<>> task;
};

/// Reads the body, in memory only. Gives what a content handler returns.
ngx_int_t read_api_body(Exchange* exchange);

/// All that the API is told, the body taken out of the exchange. May throw.
[[nodiscard]] ApiRequest make_api_request(Exchange* exchange);

} // namespace psm::edge
