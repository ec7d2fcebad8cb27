// SPDX-License-Identifier: BSD-2-Clause
//
// The time by which a worker judges what it remembers. nginx's own clock
// stands still while its loop is blocked (a slow disk, a stopped process), and
// then would call fresh what is not.

#pragma once

#include "../lib/cache.hpp"

#include <ctime>

namespace psm::edge {

/// Microseconds of CLOCK_MONOTONIC, read now; all processes share it.
inline std::uint64_t monotonic_us() noexcept
{
    timespec now{};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

/// The same in milliseconds.
inline Tick monotonic_now() noexcept
{
    return monotonic_us() / 1000;
}

} // namespace psm::edge
