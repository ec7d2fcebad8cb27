// SPDX-License-Identifier: BSD-2-Clause
//
// What one worker process owns: its hasher, its counters, its look-ups, its
// sentinels, its way to Redis for the API. Made when the worker starts, or by
// the first request where nginx starts none (a reload of `master_process off`);
// destroyed when it exits, so that no socket is left open.

#pragma once

#include "api_link.hpp"
#include "conf.hpp"
#include "counters.hpp"
#include "lookup.hpp"
#include "sentinels.hpp"
#include "use_writer.hpp"

#include "../lib/api.hpp"
#include "../lib/digest.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace psm::edge {

class Worker {
public:
    Worker(const MainConf& conf, ngx_log_t* log);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Connects ahead of the first request.
    void start();

    /// The worker of this process; nullptr when it cannot be made.
    [[nodiscard]] static Worker* get(MainConf* conf)
    {
        return conf->worker != nullptr ? conf->worker : make(conf);
    }

    /// Sets the gauges of what changes too often to be told at each change.
    /// Done once a second as well.
    void publish() noexcept;

    std::optional<Sentinels> sentinels;
    Hasher hasher;
    Counters counters;
    Lookups lookups;
    std::optional<UseWriter> uses;
    std::optional<ApiLink> api;
    DenialNotes denials;

private:
    static Worker* make(MainConf* conf);

    std::array<std::uint64_t, cache_kind_names.size()> evictions_{};
    ngx_event_t publish_{};
};

ngx_int_t init_process(ngx_cycle_t* cycle);
void exit_process(ngx_cycle_t* cycle);

} // namespace psm::edge
