// SPDX-License-Identifier: BSD-2-Clause

#include "digest.hpp"

#include "text.hpp"

#include <openssl/evp.h>

#include <stdexcept>

namespace psm {

std::array<char, 64> TokenDigest::hex() const noexcept
{
    std::array<char, 64> text{};
    to_hex(bytes, text);
    return text;
}

void Hasher::Free::operator()(evp_md_st* md) const noexcept
{
    EVP_MD_free(md);
}

void Hasher::Free::operator()(evp_md_ctx_st* context) const noexcept
{
    EVP_MD_CTX_free(context);
}

Hasher::Hasher()
    : md_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), start_(EVP_MD_CTX_new()),
      context_(EVP_MD_CTX_new())
{
    if (md_ == nullptr || start_ == nullptr || context_ == nullptr ||
        EVP_DigestInit_ex2(start_.get(), md_.get(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL offers no SHA-256");
    }
}

bool Hasher::digest(std::string_view token, TokenDigest& out) noexcept
{
    TokenDigest result;
    unsigned length = 0;
    // A context that is copied costs less than one that is initialized again.
    // The last step also wipes the block that held the token.
    if (EVP_MD_CTX_copy_ex(context_.get(), start_.get()) != 1 ||
        EVP_DigestUpdate(context_.get(), token.data(), token.size()) != 1 ||
        EVP_DigestFinal_ex(context_.get(), result.bytes.data(), &length) != 1 ||
        length != result.bytes.size()) {
        return false;
    }
    out = result;
    return true;
}

} // namespace psm
