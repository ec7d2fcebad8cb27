// SPDX-License-Identifier: BSD-2-Clause
//
// Where the master is, by what the sentinels say. A change that any of them
// tells is acted on at once, because the old master goes on answering as if
// nothing had happened (redis.md section 4.1); whether the new one is a master
// is for the connections to find out, by ROLE.
//
// A sentinel that repeats what it said before changes nothing: one that was
// cut off, and still names the old master, must not win over those who know.
// Only when most of them still repeat it after a while, the one who knew better
// did not.

#pragma once

#include "sentinel.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace psm::edge {

class Sentinels {
public:
    struct Owner {
        void* context = nullptr;
        /// The master is known, or is another one. From within a reply of a
        /// sentinel.
        void (*moved)(void* context) = nullptr;
    };

    Sentinels(const RedisConf& conf, const Owner& owner, ngx_log_t* log);

    void start();

    [[nodiscard]] RedisGuide guide()
    {
        return {.context = this, .master = tell};
    }

private:
    static bool tell(void* context, std::string& host, in_port_t& port);
    static void named(void* context, unsigned number, std::string_view host,
                      std::string_view port);

    [[nodiscard]] std::size_t votes(const std::string& place) const;
    [[nodiscard]] bool outvotes(const std::string& before,
                                const std::string& place) const;
    void choose(const std::string& place);

    Owner owner_;
    ngx_log_t* log_;
    std::string master_;            // "host port" of the one that counts
    ngx_msec_t chosen_ = 0;         // when
    std::vector<std::string> said_; // what each sentinel said last
    std::vector<std::unique_ptr<Sentinel>> sentinels_;
};

/// Makes the sentinels that the configuration names; a guide without a master
/// where it names none.
[[nodiscard]] RedisGuide guide_by(std::optional<Sentinels>& sentinels,
                                  const RedisConf& conf,
                                  const Sentinels::Owner& owner,
                                  ngx_log_t* log);

} // namespace psm::edge
