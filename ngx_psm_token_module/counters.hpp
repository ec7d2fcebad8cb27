// SPDX-License-Identifier: BSD-2-Clause
//
// What the gate counts. One table (`metric_families`) says what there is;
// names, labels and help in JSON and in Prometheus' formats and the place of
// each number in memory derive from it.
//
//     worker->counters.add(Counter::decisions, reason);
//     worker->counters.set(Gauge::stream_state, StreamState::live);
//     worker->counters.observe(monotonic_us() - asked);
//
// The numbers stand in shared memory, a slot per worker number, so that each
// worker can show them all. A slot is a few cache lines that nobody else
// writes to, with one exception: during a reload the old worker of that number
// goes on counting beside the new one. Hence counters are relaxed atomic
// additions (one instruction, on a line that is ours) rather than a load and a
// store, which would lose some; no generation of slots is needed, and nothing
// is to be added up when the old worker goes. Gauges belong to the worker that
// claimed the slot last; what an older one sets is dropped.
//
// No call locks, allocates or fails. Without shared memory the numbers go into
// a slot that only this process has.

#pragma once

#include "loss.hpp"
#include "ngx.hpp"
#include "record_cache.hpp"
#include "request.hpp"

#include "../lib/metrics.hpp"
#include "../lib/redis_tracking.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

namespace psm::edge {

/// The rows of the table that only grow, in its order.
enum class Counter : std::uint8_t {
    decisions,           // by Reason
    dry_run,             // by Reason
    api_requests,        // by StatusClass
    cache_requests,      // by CacheStatus
    cache_evictions,     // by CacheKind
    lookups,             // by Subject
    lookups_coalesced,   //
    lookups_fenced,      //
    lookups_reasked,     //
    lookups_unavailable, //
    invalidations,       //
    evict_alls,          // by Flush
    redis_reconnects,    // by Loss
    stream_reconnects,   // by Loss
    protocol_errors,     //
    redis_sends,         //
};

/// Its last rows, in its order.
enum class Gauge : std::uint8_t {
    cache_entries, // by CacheKind
    cache_bytes,   // by CacheKind
    lookups_outstanding,
    redis_state,  // a RedisState
    stream_state, // a StreamState
    lease_since,  // monotonic_now() of the PING that was answered last; 0: none
};

/// By Flush.
inline constexpr std::array<std::string_view, flush_count> flush_names{
    "subscribed", "emptied", "forged", "unknown", "moved"};

/// Of an answer of the API.
enum class StatusClass : std::uint8_t { good, refused, failed };
inline constexpr std::array<std::string_view, 3> status_class_names{
    "2xx", "4xx", "5xx"};

constexpr StatusClass class_of(unsigned status)
{
    return status < 400   ? StatusClass::good
           : status < 500 ? StatusClass::refused
                          : StatusClass::failed;
}

enum class RedisState : std::uint8_t { down, connecting, ready };
inline constexpr std::array<std::string_view, 3> redis_state_names{
    "down", "connecting", "ready"};

enum class StreamState : std::uint8_t { off, down, live };
inline constexpr std::array<std::string_view, 3> stream_state_names{
    "off", "down", "live"};

/// Upper ends in microseconds: from a Redis on the same machine to one that is
/// given up.
inline constexpr std::array<std::uint64_t, 13> lookup_bounds{
    100,   250,   500,    1000,   2500,   5000,   10000,
    25000, 50000, 100000, 250000, 500000, 1000000};

template <const auto& Names>
constexpr std::string_view name_in(std::size_t index)
{
    return Names[index];
}

inline std::string_view reason_code(std::size_t index)
{
    return reasons[index].code;
}

// clang-format off
inline constexpr std::array<MetricFamily, 23> metric_families{{
    {.name = "decisions",
     .help = "Decisions by reason; one that an internal redirect repeats counts once",
     .kind = MetricKind::counter, .label = "reason",
     .values = reason_count, .value = reason_code},
    {.name = "dry_run_decisions",
     .help = "Decisions under psm_token_dry_run, which let every request pass",
     .kind = MetricKind::counter, .label = "reason",
     .values = reason_count, .value = reason_code},
    {.name = "api_requests",
     .help = "Answers of the API by class of status",
     .kind = MetricKind::counter, .label = "status",
     .values = status_class_names.size(), .value = name_in<status_class_names>},
    {.name = "cache_requests",
     .help = "Requests with a token by where its identity came from",
     .kind = MetricKind::counter, .label = "status",
     .values = cache_status_names.size(), .value = name_in<cache_status_names>},
    {.name = "cache_evictions",
     .help = "Entries dropped because a cache was full",
     .kind = MetricKind::counter, .label = "cache",
     .values = cache_kind_names.size(), .value = name_in<cache_kind_names>},
    {.name = "lookups",
     .help = "Look-ups sent to Redis",
     .kind = MetricKind::counter, .label = "subject",
     .values = subject_names.size(), .value = name_in<subject_names>},
    {.name = "lookups_coalesced",
     .help = "Requests that joined a look-up under way",
     .kind = MetricKind::counter},
    {.name = "lookups_fenced",
     .help = "Answers refused because the key was invalidated meanwhile",
     .kind = MetricKind::counter},
    {.name = "lookups_reasked",
     .help = "Look-ups asked again after a refused answer",
     .kind = MetricKind::counter},
    {.name = "lookups_unavailable",
     .help = "Look-ups that Redis did not answer, or not with a record",
     .kind = MetricKind::counter},
    {.name = "invalidations",
     .help = "Keys that Redis told us have changed",
     .kind = MetricKind::counter},
    {.name = "evict_alls",
     .help = "How often a worker forgot everything, by cause",
     .kind = MetricKind::counter, .label = "cause",
     .values = flush_names.size(), .value = name_in<flush_names>},
    {.name = "redis_reconnects",
     .help = "Connections for look-ups that were lost or not made, by cause",
     .kind = MetricKind::counter, .label = "cause",
     .values = loss_names.size(), .value = name_in<loss_names>},
    {.name = "stream_reconnects",
     .help = "Connections for invalidations that were lost or not made, by cause",
     .kind = MetricKind::counter, .label = "cause",
     .values = loss_names.size(), .value = name_in<loss_names>},
    {.name = "protocol_errors",
     .help = "Connections given up because Redis broke the protocol",
     .kind = MetricKind::counter},
    {.name = "redis_sends",
     .help = "Writes to Redis; one may hold many look-ups",
     .kind = MetricKind::counter},

    {.name = "lookup_duration_seconds",
     .help = "Time from asking to the answer of Redis",
     .kind = MetricKind::histogram, .unit = MetricUnit::microseconds,
     .bounds = lookup_bounds},

    {.name = "cache_entries",
     .help = "Entries in a worker's cache",
     .kind = MetricKind::gauge, .label = "cache",
     .values = cache_kind_names.size(), .value = name_in<cache_kind_names>},
    {.name = "cache_bytes",
     .help = "Memory of a worker's cache",
     .kind = MetricKind::gauge, .label = "cache",
     .values = cache_kind_names.size(), .value = name_in<cache_kind_names>},
    {.name = "lookups_outstanding",
     .help = "Look-ups under way in a worker",
     .kind = MetricKind::gauge},
    {.name = "redis_state",
     .help = "A worker's connection for look-ups; 1 is the state it is in",
     .kind = MetricKind::state, .label = "state",
     .values = redis_state_names.size(), .value = name_in<redis_state_names>},
    {.name = "stream_state",
     .help = "A worker's connection for invalidations; 1 is the state it is in",
     .kind = MetricKind::state, .label = "state",
     .values = stream_state_names.size(), .value = name_in<stream_state_names>},
    {.name = "lease_age_seconds",
     .help = "Since when a worker's cache is known to be complete",
     .kind = MetricKind::age, .unit = MetricUnit::milliseconds},
}};
// clang-format on

inline constexpr std::size_t histogram_row = 16;
inline constexpr std::size_t first_gauge = 17;

/// Where each family's cells begin; behind the last, how many there are.
inline constexpr auto metric_offsets = [] {
    std::array<std::size_t, metric_families.size() + 1> offsets{};
    for (std::size_t i = 0; i < metric_families.size(); i++) {
        offsets[i + 1] = offsets[i] + cells_of(metric_families[i]);
    }
    return offsets;
}();

static_assert(metric_families[histogram_row].kind == MetricKind::histogram);
static_assert(static_cast<std::size_t>(Counter::redis_sends) + 1 ==
              histogram_row);
static_assert(first_gauge + static_cast<std::size_t>(Gauge::lease_since) + 1 ==
              metric_families.size());

constexpr std::size_t cell_of(Counter counter)
{
    return metric_offsets[static_cast<std::size_t>(counter)];
}

constexpr std::size_t cell_of(Gauge gauge)
{
    return metric_offsets[first_gauge + static_cast<std::size_t>(gauge)];
}

/// One worker's numbers. All zero is a slot that nobody has used.
struct alignas(64) CounterSlot {
    using Cell = std::atomic<std::uint64_t>;

    Cell layout; // of what the cells mean
    Cell owner;  // whose gauges these are; 0: nobody's
    std::array<Cell, metric_offsets.back()> cells;
};

class Counters {
public:
    /// Claims the slot of this worker. The zone must outlive the counters;
    /// nullptr: none.
    explicit Counters(ngx_shm_zone_t* zone);
    ~Counters();
    Counters(const Counters&) = delete;
    Counters& operator=(const Counters&) = delete;

    void add(Counter counter, std::size_t index = 0,
             std::uint64_t by = 1) noexcept
    {
        slot_->cells[cell_of(counter) + index].fetch_add(
            by, std::memory_order_relaxed);
    }

    template <class Enum>
    requires std::is_enum_v<Enum>

    void add(Counter counter, Enum index, std::uint64_t by = 1) noexcept
    {
        add(counter, static_cast<std::size_t>(index), by);
    }

    void set(Gauge gauge, std::uint64_t value, std::size_t index = 0) noexcept
    {
        if (slot_->owner.load(std::memory_order_relaxed) == self_) {
            slot_->cells[cell_of(gauge) + index].store(
                value, std::memory_order_relaxed);
        }
    }

    template <class Enum>
    requires std::is_enum_v<Enum>

    void set(Gauge gauge, Enum state) noexcept
    {
        set(gauge, static_cast<std::uint64_t>(state));
    }

    /// A look-up was answered after so many microseconds.
    void observe(std::uint64_t us) noexcept;

private:
    void clear_gauges() noexcept;

    std::unique_ptr<CounterSlot> private_; // without shared memory
    CounterSlot* slot_;
    std::uint64_t self_; // no other owner has this number
};

/// Adds the zone of the counters to a configuration; nullptr on failure.
[[nodiscard]] ngx_shm_zone_t* add_counter_zone(ngx_conf_t* cf);

/// All workers' numbers. May throw.
[[nodiscard]] std::string write_counters(const ngx_shm_zone_t& zone,
                                         MetricsFormat format);

} // namespace psm::edge
