// SPDX-License-Identifier: BSD-2-Clause
//
// TLS (1.2 or later) as a client, without a socket: the caller moves the
// bytes, as with the session of lib.
//
//     RedisTls tls(address);
//     while (!tls.handshake()) { send(tls.output()); tls.feed(received); }
//     tls.write(plain); send(tls.output());
//     tls.feed(received); count = tls.read(buffer);
//
// The certificate is always verified: against ca= or the system's store, and
// for name= or the host. Nothing turns that off.

#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace psm {
struct RedisAddress;
}

namespace psm::cli {

class RedisTls {
public:
    /// Reads the files of `address`; what is wrong with them is refused by
    /// name.
    explicit RedisTls(const RedisAddress& address);
    ~RedisTls();
    RedisTls(const RedisTls&) = delete;
    RedisTls& operator=(const RedisTls&) = delete;

    /// True once it is done. A ConnectionError says why it never will be, and
    /// leaves an alert in output().
    [[nodiscard]] bool handshake();

    /// Encrypts all of it, into output().
    void write(std::string_view plain);

    /// How many bytes were decrypted; 0: none yet.
    [[nodiscard]] std::size_t read(std::span<char> buffer);

    void feed(std::string_view received);

    /// What is to be sent; sent() takes it off.
    [[nodiscard]] std::string_view output() const noexcept;
    void sent(std::size_t count);

private:
    struct State; // OpenSSL, kept out of this header

    void collect();
    [[noreturn]] void fail();

    std::unique_ptr<State> state_;
    std::string output_;
};

} // namespace psm::cli
