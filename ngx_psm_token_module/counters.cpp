// SPDX-License-Identifier: BSD-2-Clause
//
// The zone has a slot for each worker that nginx could ever start, whatever
// worker_processes says: that directive may stand behind the http block,
// where its value comes too late for the size of a zone, and a reload with
// more workers keeps the counts. Memory that nobody touches is not there:
// only slots below `used` are ever read, and a slot is cleared by the worker
// that claims it, not by the master.
//
// nginx hands the memory on at a reload when size and module are the same, and
// makes new memory otherwise. Should it hand on what another build wrote, the
// layout in front differs, and so does that of each slot: all begin anew.

#include "counters.hpp"

#include "clock.hpp"

#include "../lib/metrics_text.hpp"

#include <algorithm>
#include <new>
#include <vector>

namespace psm::edge {

namespace {

constexpr std::size_t max_slots = NGX_MAX_PROCESSES;

struct Zone {
    std::atomic<std::uint64_t> layout;
    std::atomic<std::uint64_t> used;   // slots; those behind are not touched
    std::atomic<std::uint64_t> owners; // how many there have been
    std::array<CounterSlot, max_slots> slots;
};

std::uint64_t layout()
{
    static const std::uint64_t word = layout_of(metric_families);
    return word;
}

Zone* memory_of(const ngx_shm_zone_t* zone)
{
    return zone == nullptr ? nullptr : static_cast<Zone*>(zone->data);
}

ngx_int_t init_zone(ngx_shm_zone_t* shm, void* old)
{
    auto* pool = reinterpret_cast<ngx_slab_pool_t*>(shm->shm.addr);
    auto* zone = static_cast<Zone*>(old);

    if (zone == nullptr) {
        // Pages of a new zone, which are aligned and zero.
        zone = static_cast<Zone*>(ngx_slab_alloc(pool, sizeof(Zone)));
        if (zone == nullptr) {
            return NGX_ERROR;
        }
    }
    if (zone->layout != layout()) {
        zone->used = 0;
        zone->owners = 0;
        zone->layout = layout();
    }
    shm->data = zone;
    return NGX_OK;
}

/// The slot of this worker; nullptr when there is none.
CounterSlot* claim(Zone* zone)
{
    if (zone == nullptr || ngx_worker >= max_slots) {
        return nullptr;
    }

    CounterSlot* slot = &zone->slots[ngx_worker];
    if (slot->layout != layout()) {
        new (slot) CounterSlot{};
        slot->layout = layout();
    }

    std::uint64_t used = zone->used;
    while (used <= ngx_worker &&
           !zone->used.compare_exchange_weak(used, ngx_worker + 1)) {
    }
    return slot;
}

} // namespace

Counters::Counters(ngx_shm_zone_t* zone)
    : slot_(claim(memory_of(zone))),
      self_(slot_ == nullptr ? 1 : ++memory_of(zone)->owners)
{
    if (slot_ == nullptr) {
        private_ = std::make_unique<CounterSlot>();
        slot_ = private_.get();
    }
    slot_->owner = self_;
    clear_gauges();
}

/// A worker that ends shows nothing, unless another has taken its place.
Counters::~Counters()
{
    std::uint64_t self = self_;

    slot_->owner.compare_exchange_strong(self, 0);
}

void Counters::clear_gauges() noexcept
{
    for (std::size_t i = metric_offsets[first_gauge]; i < slot_->cells.size();
         i++) {
        slot_->cells[i].store(0, std::memory_order_relaxed);
    }
}

void Counters::observe(std::uint64_t us) noexcept
{
    const auto bucket = static_cast<std::size_t>(
        std::ranges::lower_bound(lookup_bounds, us) - lookup_bounds.begin());
    constexpr std::size_t first = metric_offsets[histogram_row];
    constexpr std::size_t sum = metric_offsets[histogram_row + 1] - 1;

    slot_->cells[first + bucket].fetch_add(1, std::memory_order_relaxed);
    slot_->cells[sum].fetch_add(us, std::memory_order_relaxed);
}

ngx_shm_zone_t* add_counter_zone(ngx_conf_t* cf)
{
    ngx_str_t name = ngx_string("psm_token_metrics");
    // What nginx keeps in front of the pages, and about each page.
    const std::size_t size =
        sizeof(Zone) +
        (sizeof(Zone) / ngx_pagesize + 1) * sizeof(ngx_slab_page_t) +
        8 * ngx_pagesize;

    ngx_shm_zone_t* zone =
        ngx_shared_memory_add(cf, &name, size, &ngx_psm_token_module);
    if (zone != nullptr) {
        zone->init = init_zone;
    }
    return zone;
}

std::string write_counters(const ngx_shm_zone_t& zone, MetricsFormat format)
{
    const Zone& memory = *memory_of(&zone);
    const std::size_t used = std::min<std::size_t>(memory.used, max_slots);
    std::vector<std::vector<std::uint64_t>> cells;
    std::vector<MetricsReading::Row> rows;

    cells.reserve(used);
    for (std::size_t i = 0; i < used; i++) {
        const CounterSlot& slot = memory.slots[i];
        if (slot.layout != layout()) {
            continue; // nobody's yet, or of another build
        }
        auto& copy = cells.emplace_back(slot.cells.size());
        std::ranges::transform(slot.cells, copy.begin(), [](const auto& cell) {
            return cell.load(std::memory_order_relaxed);
        });
        rows.push_back({.worker = i, .alive = slot.owner != 0, .cells = copy});
    }
    return write_metrics(
        {.families = metric_families, .rows = rows, .now = monotonic_now()},
        format);
}

} // namespace psm::edge
