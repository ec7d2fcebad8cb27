// SPDX-License-Identifier: BSD-2-Clause
//
// A Lua script of ours, and what Redis calls it: EVALSHA names it by SHA-1,
// EVAL holds all of it. The text must outlive the object.

#pragma once

#include <string>
#include <string_view>

namespace psm {

class Script {
public:
    explicit Script(std::string_view text);

    [[nodiscard]] std::string_view text() const noexcept { return text_; }

    /// Hexadecimal; empty where OpenSSL is not allowed to compute it: then
    /// only EVAL will do.
    [[nodiscard]] const std::string& sha1() const noexcept { return sha1_; }

private:
    std::string_view text_;
    std::string sha1_;
};

} // namespace psm
