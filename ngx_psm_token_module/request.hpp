// SPDX-License-Identifier: BSD-2-Clause
//
// What the gate knows of one main request. It lives in the request's pool
// behind a cleanup record, because nginx clears r->ctx at every internal
// redirect; the record is also what unhooks a waiting look-up and wipes the
// token when the request ends at any point. Subrequests have none of their
// own: they read the main request's.

#pragma once

#include "ngx.hpp"

#include "../lib/carrier.hpp"
#include "../lib/channel.hpp"
#include "../lib/digest.hpp"
#include "../lib/policy.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace psm::edge {

struct Exchange;
struct Waiting;

/// What is recorded of one channel of the path.
enum class Told : std::uint8_t {
    nothing, // not asked, or not answered yet
    absent,
    open,
    authenticated,
    closed,
    unavailable,
};

/// $psm_token_cache, and what the metrics call it.
enum class CacheStatus : std::uint8_t {
    none,
    hit,
    miss,
    negative,
    stale,
    bypass,
};
inline constexpr std::array<std::string_view, 6> cache_status_names{
    "", "HIT", "MISS", "NEGATIVE", "STALE", "BYPASS"};

enum class Stage : std::uint8_t {
    idle,     // nothing under way
    waiting,  // suspended until Redis has answered
    answered, // all answers are there: decide
};

struct Request {
    ngx_http_request_t* r;

    // Where the path token stood, for a Location that must get it back. The
    // text is kept only until the header is sent.
    Claim claim;
    std::string_view put_back_behind; // clean URI before it: "" or "/api/repo"
    char token[max_token_length];
    std::uint8_t token_len;

    // Who it is.
    bool identified;            // the headers were read
    bool hashed;                // `digest` is that of the token it came with
    bool asked_strictly;        // `standing` does not come from a cache
    bool takes_stale;           // when Redis does not answer
    bool nobody;                // what nginx asks for by itself: the headers
                                // are the client's, the URI is not
    std::uint8_t header_tokens; // CarrierSet of the headers read as a token
    CacheStatus cache;
    Standing standing;
    TokenDigest digest;
    Identity identity;

    // What was decided, for the filters and the variables.
    Stage stage;
    bool decided;
    bool private_read; // granted, and the channel is not public
    Decision decision;
    std::string_view channel;

    // What the counters have of it: what an internal redirect repeats is one.
    bool counted;
    bool counted_dry_run;
    Reason counted_for;
    CacheStatus counted_cache;

    // The last denial. It is ours to word while r->loc_conf is the one it was
    // made in; an error page in another location words itself.
    bool denied;
    Reason denied_for;
    void** denied_conf;
    std::string_view body;

    // What Redis was asked for it.
    Waiting* waiting; // look-ups, once there was a miss
    std::uint8_t level_count;
    Told levels[max_channel_segments]; // the channel first, then its parents

    Exchange* exchange; // in the location of the API
};

/// The main request's state; nullptr when its server does not take tokens.
[[nodiscard]] Request* find_request(ngx_http_request_t* r) noexcept;

/// Makes the state of a main request; nullptr when memory is short.
[[nodiscard]] Request* create_request(ngx_http_request_t* r) noexcept;

/// Forgets the text of the path token.
void wipe_token(Request* request) noexcept;

} // namespace psm::edge
