// SPDX-License-Identifier: BSD-2-Clause

#include "blocking_port.hpp"

namespace psm::cli {

BlockingPort::BlockingPort(std::unique_ptr<RedisClient> client)
    : client_(std::move(client))
{
}

void BlockingPort::begin(RedisCall& call)
{
    const std::vector<std::string_view> words(call.words().begin(),
                                              call.words().end());
    try {
        call.finish(client_->ask(words));
    } catch (const RedisFailure& failure) {
        if (call.effect() == RedisCall::Effect::reads) {
            throw;
        }
        throw Failure(cannot_tell,
                      std::string(failure.what()) +
                          "; the change may have been made or not: look "
                          "before you make it again");
    }
}

void BlockingPort::forget(RedisCall& /*call*/) noexcept {}

void BlockingPort::refuse(const std::string& command,
                          const std::string& error) const
{
    client_->refuse(command, error);
}

} // namespace psm::cli
