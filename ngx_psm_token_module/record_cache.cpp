// SPDX-License-Identifier: BSD-2-Clause

#include "record_cache.hpp"

#include "clock.hpp"
#include "conf.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace psm::edge {

namespace {

// A cached "no": nil, or a record that breaks the rules.
constexpr std::string_view absent_mark = "-";
constexpr std::string_view invalid_mark = "!";

/// Nobody who chooses names may know how they are spread.
std::uint64_t random_seed()
{
    std::uint64_t seed = 0;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed) != 1) {
        throw std::runtime_error("the random number generator failed");
    }
    return seed;
}

std::size_t negative_size(const MainConf& conf)
{
    return std::max<std::size_t>(conf.cache_max / 10, 1);
}

} // namespace

RecordCache::RecordCache(const MainConf& conf)
    : RecordCache(conf, random_seed())
{
}

RecordCache::RecordCache(const MainConf& conf, std::uint64_t seed)
    : conf_(conf),
      believed_until_(
          conf.redis->address.tracking ? 0 : std::numeric_limits<Tick>::max()),
      tokens_(conf.cache_max, seed, Cache::Keys::digests),
      no_tokens_(negative_size(conf), seed, Cache::Keys::digests),
      channels_(conf.cache_max, seed), no_channels_(negative_size(conf), seed)
{
}

Answer RecordCache::find(Subject subject, std::string_view name) noexcept
{
    const bool token = subject == Subject::token;
    Cache& yes = token ? tokens_ : channels_;
    Cache& no = token ? no_tokens_ : no_channels_;
    const Tick now = monotonic_now();

    if (conf_.cache == 0 || now >= believed_until_) {
        return {.kind = Answer::Kind::waiting, .value = {}};
    }

    const std::uint64_t hash = yes.hash(name);
    if (const auto value = yes.find(name, hash, now)) {
        return {.kind = Answer::Kind::found, .value = *value};
    }
    if (const auto mark = no.find(name, hash, now)) {
        return {.kind = *mark == absent_mark ? Answer::Kind::absent
                                             : Answer::Kind::invalid,
                .value = {}};
    }
    return {.kind = Answer::Kind::waiting, .value = {}};
}

Answer RecordCache::find_stale(Subject subject, std::string_view name) noexcept
{
    Cache& yes = subject == Subject::token ? tokens_ : channels_;
    const Tick now = monotonic_now();

    if (conf_.cache_stale != 0 && now < believed_until_ + conf_.cache_stale) {
        if (const auto value = yes.find(name, now)) {
            return {.kind = Answer::Kind::found, .value = *value};
        }
    }
    return {};
}

void RecordCache::heed(Subject subject, std::string_view name,
                       const Answer& answer) noexcept
{
    Cache& yes = subject == Subject::token ? tokens_ : channels_;

    if (answer.kind != Answer::Kind::unavailable &&
        (answer.kind != Answer::Kind::found ||
         yes.find(name, monotonic_now()) != answer.value)) {
        forget(subject, name);
    }
}

void RecordCache::forget(Subject subject, std::string_view name) noexcept
{
    const bool token = subject == Subject::token;

    (token ? tokens_ : channels_).erase(name);
    (token ? no_tokens_ : no_channels_).erase(name);
}

void RecordCache::forget_all() noexcept
{
    for (Cache* cache : {&tokens_, &no_tokens_, &channels_, &no_channels_}) {
        cache->clear();
    }
}

const Cache& RecordCache::cache(CacheKind kind) const noexcept
{
    switch (kind) {
    case CacheKind::tokens:
        break;
    case CacheKind::no_tokens:
        return no_tokens_;
    case CacheKind::channels:
        return channels_;
    case CacheKind::no_channels:
        return no_channels_;
    }
    return tokens_;
}

void RecordCache::remember(Subject subject, std::string_view name,
                           const Answer& answer, Tick asked_at)
{
    if (conf_.cache == 0 || answer.kind == Answer::Kind::unavailable) {
        return;
    }

    const bool token = subject == Subject::token;
    Cache& yes = token ? tokens_ : channels_;
    Cache& no = token ? no_tokens_ : no_channels_;

    if (answer.kind == Answer::Kind::found) {
        no.erase(name);
        yes.put(name, answer.value, asked_at + conf_.cache_valid);
        return;
    }
    yes.erase(name);
    no.put(name,
           answer.kind == Answer::Kind::absent ? absent_mark : invalid_mark,
           asked_at + conf_.cache_negative);
}

} // namespace psm::edge
