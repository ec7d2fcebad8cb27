// SPDX-License-Identifier: BSD-2-Clause

#include "redis_stream.hpp"

#include "../lib/redis_address.hpp"

#include <algorithm>
#include <array>

namespace psm::cli {

namespace {

// What one call encrypts: more waits until that is sent.
constexpr std::size_t slice_size = std::size_t{64} * 1024;

} // namespace

RedisStream::RedisStream(const RedisAddress& address)
    : socket_(address),
      tls_(address.tls ? std::make_unique<RedisTls>(address) : nullptr)
{
    if (tls_ != nullptr) {
        shake_hands(address.connect_timeout_ms);
    }
}

void RedisStream::shake_hands(std::uint32_t timeout_ms)
{
    const std::int64_t deadline = now_ms() + timeout_ms;
    try {
        while (!tls_->handshake()) {
            flush();
            if (!socket_.wait(!tls_->output().empty(), deadline)) {
                throw ConnectionError(
                    "no TLS handshake within " + std::to_string(timeout_ms) +
                    "ms (is it the TLS port of Redis? if so, raise "
                    "connect_timeout= in --redis)");
            }
            refill();
        }
    } catch (const ConnectionError&) {
        flush(); // the alert that says why
        throw;
    }
    flush();
}

std::size_t RedisStream::send(std::string_view bytes)
{
    if (tls_ == nullptr) {
        return socket_.send(bytes);
    }
    flush();
    if (!tls_->output().empty()) {
        return 0;
    }
    const std::string_view slice = bytes.substr(0, slice_size);
    tls_->write(slice);
    flush();
    return slice.size();
}

std::size_t RedisStream::receive(std::span<char> buffer)
{
    if (tls_ == nullptr) {
        return socket_.receive(buffer);
    }
    flush();
    std::size_t count = tls_->read(buffer);
    if (count == 0) {
        refill();
        count = tls_->read(buffer);
    }
    return count;
}

bool RedisStream::wait(bool to_send, std::int64_t deadline)
{
    const bool waiting = tls_ != nullptr && !tls_->output().empty();
    return socket_.wait(to_send || waiting, deadline);
}

/// Sends what is encrypted. A peer that is gone has perhaps said why: that is
/// for receive() to find.
void RedisStream::flush()
{
    if (tls_->output().empty()) {
        return;
    }
    try {
        tls_->sent(socket_.send(tls_->output()));
    } catch (const ConnectionError&) {
        tls_->sent(tls_->output().size());
    }
}

void RedisStream::refill()
{
    std::array<char, std::size_t{16} * 1024> buffer{};
    const std::size_t count = socket_.receive(buffer);
    tls_->feed({buffer.data(), count});
}

} // namespace psm::cli
