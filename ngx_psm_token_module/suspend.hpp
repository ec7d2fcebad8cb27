// SPDX-License-Identifier: BSD-2-Clause
//
// The look-ups that one request needs: answered from the cache at once, or
// waited for inside the phase, which is entered again when the last answer
// is there.

#pragma once

#include "lookup.hpp"
#include "request.hpp"

namespace psm::edge {

/// The hooks of a request that asked Redis. Made in the request's pool at
/// its first miss. Slot 0 is the token's, slot 1 + i that of levels[i].
struct Waiting {
    Request* request = nullptr;
    unsigned outstanding = 0;
    Waiter waiters[1 + max_channel_segments];
    std::string_view channels[max_channel_segments]; // of the levels asked for
};

/// Asks for the identity behind the request's digest; request->standing is
/// Standing::unavailable until it is known.
void ask_token(Request* request, bool strict);

/// Asks for what is recorded of `channel` and the channels above it.
void ask_privacy(Request* request, std::string_view channel, bool strict);

/// Whether answers are still to come: the phase returns NGX_AGAIN then, and
/// is entered again by them.
[[nodiscard]] bool must_wait(Request* request);

/// The privacy that the answers tell: the most specific record wins, then
/// its parents', then `otherwise`.
[[nodiscard]] ChannelPrivacy privacy_of(const Request* request,
                                        Privacy otherwise) noexcept;

/// Takes the request off every look-up it waits for.
void forget_lookups(Request* request) noexcept;

} // namespace psm::edge
