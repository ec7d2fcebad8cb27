// SPDX-License-Identifier: BSD-2-Clause
//
// Sixteen characters at a time, where every request has its characters
// looked at: which of them belong to a class. The vectors are gcc's and
// clang's own, which any processor has or has imitated; nothing here is
// special to one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace psm {

using Block = unsigned char __attribute__((vector_size(16)));

inline constexpr std::size_t block_size = sizeof(Block);

inline Block load_block(const char* at) noexcept
{
    Block block;
    std::memcpy(&block, at, sizeof block);
    return block;
}

/// The comparisons below give 0xff where they hold and 0 where not.
inline Block is_alnum(Block c) noexcept
{
    const Block digit = c - '0';
    const Block letter = (c | 0x20) - 'a';
    return reinterpret_cast<Block>((digit < 10) | (letter < 26));
}

inline Block is_control(Block c) noexcept
{
    return reinterpret_cast<Block>((c < 0x20) | (c == 0x7f));
}

inline Block is_equal(Block c, unsigned char other) noexcept
{
    return reinterpret_cast<Block>(c == other);
}

inline bool any(Block mask) noexcept
{
    std::uint64_t halves[2];
    std::memcpy(halves, &mask, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

} // namespace psm
