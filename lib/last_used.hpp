// SPDX-License-Identifier: BSD-2-Clause
//
// When tokens were last used, since the table was last emptied: ids and
// seconds in a fixed number of places, all of them there from the start, so
// that noting a use neither allocates nor fails. When there are more tokens
// than places, the uses of some are forgotten.
//
//     used.note(id, now);
//     used.for_each([](std::string_view id, std::int64_t second) { ... });
//     used.clear();

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace psm {

class LastUsed {
public:
    static constexpr std::size_t max_id = 64;

    /// `places` is a power of two, at least 2. `seed` makes it unpredictable
    /// which ids meet.
    LastUsed(std::size_t places, std::uint64_t seed);

    /// Keeps the later of two uses. An id of more than max_id characters is
    /// not noted.
    void note(std::string_view id, std::int64_t second) noexcept;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    template <class Visit>
    void for_each(Visit visit) const
    {
        for (const Place& place : places_) {
            if (place.length != 0) {
                visit(std::string_view(place.id.data(), place.length),
                      place.second);
            }
        }
    }

    void clear() noexcept;

private:
    struct Place {
        std::array<char, max_id> id;
        std::uint8_t length = 0; // 0: free
        std::int64_t second = 0;
    };

    std::vector<Place> places_;
    std::uint64_t seed_;
    std::size_t size_ = 0;
};

} // namespace psm
