// SPDX-License-Identifier: BSD-2-Clause

#include "script.hpp"

#include "text.hpp"

#include <openssl/evp.h>

#include <array>

namespace psm {

Script::Script(std::string_view text) : text_(text)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(),
                   nullptr) == 1) {
        sha1_.resize(std::size_t{2} * length);
        to_hex(std::span(digest).first(length), sha1_);
    }
}

} // namespace psm
