// SPDX-License-Identifier: BSD-2-Clause
//
// The REST API (design.md section 7), without a server: a request goes in, a
// response comes out, and what it needs of Redis is awaited on the way. The
// edge reads the body, finds the token and sends the answer; everything that
// is decided is decided here.
//
// The API, the store and the notes must outlive the task.

#pragma once

#include "policy.hpp"
#include "store.hpp"
#include "task.hpp"
#include "token.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace psm {

inline constexpr std::size_t max_api_body = std::size_t{64} * 1024;

/// Who asks, as far as the server found.
struct ApiCaller {
    /// Of the token in the request: `known` means only that it is well-formed
    /// and has a digest; the record is read here, from Redis, not a cache.
    Standing standing = Standing::anonymous;
    std::string digest{}; // hexadecimal

    // What nginx itself established (psm_token_api_user, _admin).
    std::string user{};
    bool admin = false;
};

struct ApiRequest {
    std::string method; // as on the wire
    std::string path;   // behind the prefix of the location: "/account/tokens"
    std::string args;   // behind the "?", as on the wire
    std::string body{};

    // Header fields; "" where there is none.
    std::string content_type{};
    std::string origin{};
    std::optional<std::string> if_match{};

    std::string site{};   // the server's own origin, "https://HOST[:PORT]"
    std::string prefix{}; // of the location, for the links in answers
    ApiCaller caller{};
    std::string request_id{};
    std::string client{}; // address
    std::int64_t now = 0; // unix seconds
};

struct ApiResponse {
    unsigned status = 500;
    std::string type{};
    std::string body{}; // may hold a token: wiped by who sends it
    std::vector<std::pair<std::string, std::string>> headers{};
};

/// What a process has told the audit of refusals: one a second, so that a
/// flood of them is no flood of writes.
struct DenialNotes {
    std::int64_t at = 0;        // when the last one was noted
    std::uint64_t left_out = 0; // since then
};

class Api {
public:
    struct Limits {
        // In seconds. What is made here lasts at most max_age, whoever makes
        // it; 0: as long as he likes, for ever too.
        std::int64_t max_age = std::int64_t{365} * 24 * 3600;
        std::int64_t default_age = std::int64_t{30} * 24 * 3600;
        Privacy privacy = Privacy::closed; // of channels without a record
        TokenFormat format = TokenFormat::psm;
    };

    Api(Store& store, const Limits& limits, DenialNotes& notes)
        : store_(store), limits_(limits), notes_(notes)
    {
    }

    /// Never throws what is the client's fault; what is not (Redis) leaves as
    /// the port's exception, for which there is unavailable_response().
    Task<ApiResponse> answer(ApiRequest request);

private:
    Store& store_;
    Limits limits_;
    DenialNotes& notes_;
};

/// 503 with Retry-After; `changing`: it is not known whether what was asked
/// for has been done.
[[nodiscard]] ApiResponse unavailable_response(std::string_view request_id,
                                               bool changing);

/// 413, of a body longer than max_api_body.
[[nodiscard]] ApiResponse too_large_response(std::string_view request_id);

} // namespace psm
