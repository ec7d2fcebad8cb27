// SPDX-License-Identifier: BSD-2-Clause
//
// The way of one request to the worker's ApiLink. It remembers what the
// request has begun to change, so that a failure can be told for what it is:
// nothing was done, or nobody knows.

#pragma once

#include "api_link.hpp"

namespace psm::edge {

class ApiPort final : public RedisPort {
public:
    explicit ApiPort(ApiLink& link) : link_(link) {}

    void begin(RedisCall& call) override;
    void forget(RedisCall& call) noexcept override;
    [[noreturn]] void refuse(const std::string& command,
                             const std::string& error) const override;

    /// Whether something may have been changed when this ended the request.
    [[nodiscard]] bool changing(const CallFailed& failure) const noexcept;

private:
    ApiLink& link_;
    unsigned changes_ = 0; // begun
    RedisCall::Effect last_ = RedisCall::Effect::reads;
    bool hashed_ = false; // the last was an EVALSHA
};

} // namespace psm::edge
