// SPDX-License-Identifier: BSD-2-Clause

#include "grant.hpp"

#include "channel.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace psm {

Resources::const_iterator find_grant(const Resources& resources,
                                     std::string_view channel)
{
    for (; !channel.empty(); channel = parent_channel(channel)) {
        const auto found = resources.find(std::string(channel));
        if (found != resources.end()) {
            return found;
        }
    }
    return resources.end();
}

Level granted_level(const Resources& resources, std::string_view channel)
{
    const auto found = find_grant(resources, channel);
    return found == resources.end() ? Level::none : found->second;
}

bool reaches(const std::vector<std::string>& channels,
             std::string_view channel) noexcept
{
    return channels.empty() ||
           std::ranges::any_of(channels, [channel](const std::string& path) {
               return covers(path, channel);
           });
}

Reach::Reach(std::vector<std::string> channels)
    : everywhere_(channels.empty()), channels_(std::move(channels))
{
}

bool Reach::holds(std::string_view channel) const noexcept
{
    return !nowhere() && reaches(channels_, channel);
}

Reach common(const Reach& a, const Reach& b)
{
    if (a.everywhere_ || b.everywhere_) {
        return a.everywhere_ ? b : a;
    }
    Reach both;
    std::set<std::string_view> seen;
    const auto add = [&both, &seen](const std::string& path) {
        if (seen.insert(path).second) {
            both.channels_.push_back(path);
        }
    };
    for (const std::string& path : a.channels_) {
        if (b.holds(path)) {
            add(path);
            continue;
        }
        for (const std::string& below : b.channels_) {
            if (covers(path, below)) {
                add(below);
            }
        }
    }
    return both;
}

Reach joined(const Reach& a, const Reach& b)
{
    if (a.everywhere_ || b.everywhere_) {
        return a.everywhere_ ? a : b;
    }
    Reach either = a;
    either.channels_.insert(either.channels_.end(), b.channels_.begin(),
                            b.channels_.end());
    return either;
}

} // namespace psm
