// SPDX-License-Identifier: BSD-2-Clause

#include "last_used.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

namespace psm {

namespace {

// How far from where it belongs an id may stand.
constexpr std::size_t reach = 16;

/// Without the product, ids of one place would be so under each seed.
std::size_t scatter(std::uint64_t hash, std::uint64_t seed) noexcept
{
    return ((hash ^ seed) * 0x9e3779b97f4a7c15) >> 32U;
}

} // namespace

LastUsed::LastUsed(std::size_t places, std::uint64_t seed)
    : places_(places), seed_(seed)
{
    assert(places >= 2 && (places & (places - 1)) == 0);
}

void LastUsed::note(std::string_view id, std::int64_t second) noexcept
{
    if (id.empty() || id.size() > max_id) {
        return;
    }

    const std::size_t mask = places_.size() - 1;
    const std::size_t first = scatter(std::hash<std::string_view>{}(id), seed_);
    for (std::size_t i = 0; i < std::min(reach, places_.size()); i++) {
        Place& place = places_[(first + i) & mask];
        if (place.length == 0) {
            std::ranges::copy(id, place.id.begin());
            place.length = static_cast<std::uint8_t>(id.size());
            place.second = second;
            size_++;
            return;
        }
        if (std::string_view(place.id.data(), place.length) == id) {
            place.second = std::max(place.second, second);
            return;
        }
    }
}

void LastUsed::clear() noexcept
{
    for (Place& place : places_) {
        place.length = 0;
    }
    size_ = 0;
}

} // namespace psm
