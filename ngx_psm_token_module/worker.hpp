// SPDX-License-Identifier: BSD-2-Clause
//
// What one worker process owns: its hasher, its counters and its look-ups. Made
// when the worker starts, or by the first request where nginx starts none (a
// reload of `master_process off`); destroyed when it exits, so that no socket
// is left open.

#pragma once

#include "conf.hpp"
#include "counters.hpp"
#include "lookup.hpp"

#include "../lib/digest.hpp"

#include <array>
#include <cstdint>

namespace psm::edge {

class Worker {
public:
    Worker(const MainConf& conf, ngx_log_t* log);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// The worker of this process; nullptr when it cannot be made.
    [[nodiscard]] static Worker* get(MainConf* conf)
    {
        return conf->worker != nullptr ? conf->worker : make(conf);
    }

    /// Sets the gauges of what changes too often to be told at each change.
    /// Done once a second as well.
    void publish() noexcept;

    Hasher hasher;
    Counters counters;
    Lookups lookups;

private:
    static Worker* make(MainConf* conf);

    std::array<std::uint64_t, cache_kind_names.size()> evictions_{};
    ngx_event_t publish_{};
};

ngx_int_t init_process(ngx_cycle_t* cycle);
void exit_process(ngx_cycle_t* cycle);

} // namespace psm::edge
