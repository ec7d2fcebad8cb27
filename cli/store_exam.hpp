// SPDX-License-Identifier: BSD-2-Clause
//
// The doctor's look at what is in Redis: one SCAN over all keys of ours, then
// the lists, in batches, so that a store of any size takes the same memory.

#pragma once

#include "doctor_redis.hpp"

#include "../lib/audit.hpp"

namespace psm {
class Store;
}

namespace psm::cli {

/// Mends what can be, if `repair`, in the name of `actor`. Throws Interrupted.
void examine_store(const Patient& patient, Store& store, bool repair,
                   const Actor& actor);

} // namespace psm::cli
