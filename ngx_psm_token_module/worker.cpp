// SPDX-License-Identifier: BSD-2-Clause

#include "worker.hpp"

#include <memory>

namespace psm::edge {

namespace {

constexpr ngx_msec_t publish_interval = 1000;

MainConf* cycle_conf(ngx_cycle_t* cycle)
{
    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == nullptr) {
        return nullptr; // no http block
    }
    return static_cast<MainConf*>(
        ngx_http_cycle_get_module_main_conf(cycle, ngx_psm_token_module));
}

void destroy(void* data)
{
    auto* conf = static_cast<MainConf*>(data);
    const std::unique_ptr<Worker> worker(conf->worker);

    conf->worker = nullptr;
}

void on_moved(void* context)
{
    static_cast<Worker*>(context)->lookups.redis().move();
}

} // namespace

Worker::Worker(const MainConf& conf, ngx_log_t* log)
    : counters(conf.counters),
      lookups(conf,
              guide_by(sentinels, *conf.redis,
                       {.context = this, .moved = on_moved}, log),
              counters, log)
{
    if (conf.last_used != nullptr) {
        uses.emplace(*conf.last_used, conf.flush, log);
    }
    if (conf.api != 0) {
        api.emplace(*conf.api_redis, log);
    }
    publish_.handler = [](ngx_event_t* ev) {
        static_cast<Worker*>(ev->data)->publish();
        ngx_add_timer(ev, publish_interval);
    };
    publish_.data = this;
    publish_.log = log;
    publish_.cancelable = 1;
    ngx_add_timer(&publish_, publish_interval);
    publish();
}

Worker::~Worker()
{
    publish(); // the last evictions
    if (publish_.timer_set) {
        ngx_del_timer(&publish_);
    }
}

void Worker::publish() noexcept
{
    for (std::size_t i = 0; i < cache_kind_names.size(); i++) {
        const Cache& cache = lookups.cache().cache(static_cast<CacheKind>(i));

        counters.set(Gauge::cache_entries, cache.size(), i);
        counters.set(Gauge::cache_bytes, cache.bytes(), i);
        counters.add(Counter::cache_evictions, i,
                     cache.evictions() - evictions_[i]);
        evictions_[i] = cache.evictions();
    }
    counters.set(Gauge::lookups_outstanding, lookups.outstanding());
    counters.set(Gauge::redis_state, lookups.redis().link_state());
    counters.set(Gauge::stream_state, lookups.redis().stream_state());
}

void Worker::start()
{
    if (sentinels) {
        sentinels->start();
    }
    lookups.redis().start();
    if (uses) {
        uses->start();
    }
    if (api) {
        api->start();
    }
}

/// The cleanup is for `master_process off`, where a reload ends no process:
/// the worker of the old configuration must not outlive what it refers to.
/// Added last, it runs before the cleanup of anything in that configuration.
Worker* Worker::make(MainConf* conf)
{
    auto* cycle = const_cast<ngx_cycle_t*>(ngx_cycle);

    ngx_pool_cleanup_t* cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == nullptr) {
        return nullptr;
    }
    conf->worker = guard(cycle->log, static_cast<Worker*>(nullptr), [&] {
        return std::make_unique<Worker>(*conf, cycle->log).release();
    });
    cln->handler = destroy;
    cln->data = conf;
    return conf->worker;
}

ngx_int_t init_process(ngx_cycle_t* cycle)
{
    // The cache manager and loader serve no requests.
    if (ngx_process != NGX_PROCESS_WORKER &&
        ngx_process != NGX_PROCESS_SINGLE) {
        return NGX_OK;
    }

    MainConf* conf = cycle_conf(cycle);
    if (conf == nullptr || conf->needed == 0) {
        return NGX_OK;
    }

    // Without one, requests are refused: no reason to stop the worker.
    if (Worker* worker = Worker::get(conf)) {
        worker->start();
    }
    return NGX_OK;
}

void exit_process(ngx_cycle_t* cycle)
{
    MainConf* conf = cycle_conf(cycle);

    if (conf != nullptr) {
        destroy(conf);
    }
}

} // namespace psm::edge
