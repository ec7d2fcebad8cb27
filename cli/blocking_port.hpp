// SPDX-License-Identifier: BSD-2-Clause
//
// The store's way to Redis from a command line: every call is answered before
// it returns, so that run_now() runs any task of the store.

#pragma once

#include "redis_client.hpp"

#include "../lib/redis_port.hpp"

#include <memory>
#include <string>

namespace psm::cli {

class BlockingPort : public RedisPort {
public:
    explicit BlockingPort(std::unique_ptr<RedisClient> client);

    /// Throws Failure when the connection fails. Where a change was on its way
    /// the message says that it may have been made.
    void begin(RedisCall& call) override;
    void forget(RedisCall& call) noexcept override;
    [[noreturn]] void refuse(const std::string& command,
                             const std::string& error) const override;

    [[nodiscard]] RedisClient& client() noexcept { return *client_; }

private:
    std::unique_ptr<RedisClient> client_;
};

} // namespace psm::cli
