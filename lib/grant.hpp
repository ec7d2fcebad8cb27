// SPDX-License-Identifier: BSD-2-Clause
//
// What the grants of a record say about channels: its resources, of which the
// most specific one wins, and the reach of its scopes. For those who compare
// records; the gate asks an Identity.

#pragma once

#include "scope.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

using Resources = std::map<std::string, Level>;

/// The most specific grant that covers `channel`; end() when none does.
[[nodiscard]] Resources::const_iterator find_grant(const Resources& resources,
                                                   std::string_view channel);

/// Its level; none when there is none.
[[nodiscard]] Level granted_level(const Resources& resources,
                                  std::string_view channel);

/// Whether the channels that a record names hold `channel`; they do when it
/// names none.
[[nodiscard]] bool reaches(const std::vector<std::string>& channels,
                           std::string_view channel) noexcept;

/// Channels and all that lies below them. Other than the channels of a record
/// it can also hold nothing.
class Reach {
public:
    /// Nothing.
    Reach() = default;

    /// As a record says it: none named is everywhere.
    explicit Reach(std::vector<std::string> channels);

    [[nodiscard]] bool everywhere() const noexcept { return everywhere_; }

    [[nodiscard]] bool nowhere() const noexcept
    {
        return !everywhere_ && channels_.empty();
    }

    /// Empty everywhere, and nowhere.
    [[nodiscard]] const std::vector<std::string>& channels() const noexcept
    {
        return channels_;
    }

    [[nodiscard]] bool holds(std::string_view channel) const noexcept;

    /// What is in both; a channel of `a` that lies within `b` as it is.
    friend Reach common(const Reach& a, const Reach& b);
    /// What is in one of them.
    friend Reach joined(const Reach& a, const Reach& b);

private:
    bool everywhere_ = false;
    std::vector<std::string> channels_;
};

} // namespace psm
