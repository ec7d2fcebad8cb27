// SPDX-License-Identifier: BSD-2-Clause
//
// Whose token it is: from an ID, or a token on standard input, to what the
// gate would know of it.

#pragma once

#include "../lib/policy.hpp"
#include "../lib/store.hpp"

#include <optional>
#include <string>

namespace psm::cli {

class Environment;

struct Credentials {
    Standing standing = Standing::anonymous;
    std::string packed;      // the identity, when known
    std::string token;       // as read from standard input; the caller wipes it
    bool any_format = false; // taken as psm_token_format any would
    std::optional<StoredToken> stored;

    /// For decide(); holds as long as this object.
    [[nodiscard]] Holder holder() const noexcept
    {
        return {.standing = standing, .identity = Identity(packed)};
    }
};

/// `what` is an ID, or "-" for standard input, where an empty line is no
/// token at all. Throws Failure when Redis does not answer.
[[nodiscard]] Credentials look_up(const std::string& what,
                                  Environment& environment);

/// Why it is not known, for people.
[[nodiscard]] std::string describe_standing(const Credentials& credentials);

} // namespace psm::cli
