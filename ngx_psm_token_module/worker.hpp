// SPDX-License-Identifier: BSD-2-Clause
//
// What one worker process owns: its hasher, its look-ups, its sentinels. Made
// when the worker starts, or by the first request where nginx starts none (a
// reload of `master_process off`); destroyed when it exits, so that no socket
// is left open.

#pragma once

#include "conf.hpp"
#include "lookup.hpp"
#include "sentinels.hpp"

#include "../lib/digest.hpp"

#include <optional>

namespace psm::edge {

class Worker {
public:
    Worker(const MainConf& conf, ngx_log_t* log);
    ~Worker() = default;
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Connects ahead of the first request.
    void start();

    /// The worker of this process; nullptr when it cannot be made.
    [[nodiscard]] static Worker* get(MainConf* conf)
    {
        return conf->worker != nullptr ? conf->worker : make(conf);
    }

    std::optional<Sentinels> sentinels;
    Hasher hasher;
    Lookups lookups;

private:
    static Worker* make(MainConf* conf);
};

ngx_int_t init_process(ngx_cycle_t* cycle);
void exit_process(ngx_cycle_t* cycle);

} // namespace psm::edge
