// SPDX-License-Identifier: BSD-2-Clause
//
// SHA-256 of a token: the only form in which a token leaves its request, as
// Redis key and as cache key.
//
// A Hasher fetches the algorithm once and reuses its contexts, because
// OpenSSL 3's one-shot SHA256() fetches at every call and costs several
// times the digest itself. One Hasher per worker; not for two threads.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_md_st;
struct evp_md_ctx_st;

namespace psm {

struct TokenDigest {
    std::array<unsigned char, 32> bytes{};

    friend bool operator==(const TokenDigest&, const TokenDigest&) = default;

    /// The digest as a cache key; it lives as long as this object.
    [[nodiscard]] std::string_view view() const noexcept
    {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    /// 64 lower-case hexadecimal characters, as they stand in a Redis key.
    [[nodiscard]] std::array<char, 64> hex() const noexcept;
};

class Hasher {
public:
    /// Throws std::runtime_error when OpenSSL offers no SHA-256.
    Hasher();

    /// False when OpenSSL fails; `out` is then unchanged and must not be
    /// used as if it were the token's.
    [[nodiscard]] bool digest(std::string_view token,
                              TokenDigest& out) noexcept;

private:
    struct Free {
        void operator()(evp_md_st* md) const noexcept;
        void operator()(evp_md_ctx_st* context) const noexcept;
    };

    std::unique_ptr<evp_md_st, Free> md_;
    std::unique_ptr<evp_md_ctx_st, Free> start_; // before the first byte
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

} // namespace psm
