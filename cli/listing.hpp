// SPDX-License-Identifier: BSD-2-Clause
//
// Which tokens `list` shows, in what order, from where on. Where an index of
// Redis has that order, tokens are read and passed on a page at a time; any
// other order needs all that match, of which only the names are kept.

#pragma once

#include "../lib/store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace psm::cli {

enum class ListOrder : std::uint8_t {
    created,
    expires,
    deleted,
    name,
    owner,
    last_used,
};

struct Listing {
    TokenFilter filter{};
    std::optional<ListOrder> order{}; // none: that of the index
    bool reverse = false;
    std::size_t limit = 0; // 0: all
    std::string after{};   // a cursor: what the listing before returned
};

/// The words of --sort: "created", and "-created" for the reverse. A word that
/// is none is refused.
void parse_order(const std::string& text, Listing& listing);

/// For a type name.
[[nodiscard]] std::string order_words();

using TokenSink = std::function<void(const StoredToken&)>;

/// Calls `sink` with each token that matches, and with those whose record
/// breaks the rules where no filter is set. Returns the cursor of what
/// follows; "": nothing does.
[[nodiscard]] std::string list_tokens(Store& store, const Listing& listing,
                                      std::int64_t now, const TokenSink& sink);

} // namespace psm::cli
