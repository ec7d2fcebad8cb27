// SPDX-License-Identifier: BSD-2-Clause
//
// The time by which a worker judges what it remembers. nginx's own clock
// stands still while its loop is blocked (a slow disk, a stopped process), and
// then would call fresh what is not.

#pragma once

#include "../lib/cache.hpp"

#include <ctime>

namespace psm::edge {

/// Milliseconds of CLOCK_MONOTONIC, read now.
inline Tick monotonic_now() noexcept
{
    timespec now{};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<Tick>(now.tv_sec) * 1000 +
           static_cast<Tick>(now.tv_nsec) / 1000000;
}

} // namespace psm::edge
