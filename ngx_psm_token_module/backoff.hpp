// SPDX-License-Identifier: BSD-2-Clause
//
// How long to wait before the next attempt to connect: 50 ms, doubled each
// time up to 5 s, half of it by chance, so that workers do not come back in
// step.

#pragma once

#include "ngx.hpp"

#include <algorithm>

namespace psm::edge {

class Backoff {
public:
    /// An attempt is made.
    void attempt() noexcept { attempts_ = std::min(attempts_ + 1, most); }

    /// What was reached is of use: the next failure is a first one.
    void reset() noexcept { attempts_ = 0; }

    /// Trying again soon is no use.
    void give_up() noexcept { attempts_ = most; }

    /// At most one attempt since reset().
    [[nodiscard]] bool fresh() const noexcept { return attempts_ <= 1; }

    [[nodiscard]] ngx_msec_t pause() const
    {
        const ngx_uint_t doublings = attempts_ > 0 ? attempts_ - 1 : 0;
        const ngx_msec_t whole = std::min(first << doublings, longest);

        return whole / 2 +
               static_cast<ngx_msec_t>(ngx_random()) % (whole / 2 + 1);
    }

private:
    static constexpr ngx_msec_t first = 50;
    static constexpr ngx_msec_t longest = 5000;
    static constexpr ngx_uint_t most = 8; // 6.4 s, were there no longest

    ngx_uint_t attempts_ = 0;
};

} // namespace psm::edge
