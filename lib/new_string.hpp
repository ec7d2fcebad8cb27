// SPDX-License-Identifier: BSD-2-Clause
//
// The string of a token that is being made, and its digest. It is wiped when
// the object goes; who copies it wipes the copy.

#pragma once

#include "digest.hpp"
#include "text.hpp"
#include "token.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace psm {

class NewString {
public:
    /// Throws std::runtime_error when OpenSSL fails.
    NewString() : text_(generate_token())
    {
        if (!Hasher().digest(text_, digest_)) {
            throw std::runtime_error("OpenSSL cannot compute SHA-256");
        }
    }

    NewString(const NewString&) = delete;
    NewString& operator=(const NewString&) = delete;

    ~NewString() { wipe(text_); }

    [[nodiscard]] std::string_view text() const noexcept { return text_; }

    /// Hexadecimal.
    [[nodiscard]] std::string digest() const
    {
        const auto hex = digest_.hex();
        return {hex.data(), hex.size()};
    }

private:
    std::string text_;
    TokenDigest digest_;
};

} // namespace psm
