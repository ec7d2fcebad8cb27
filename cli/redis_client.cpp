// SPDX-License-Identifier: BSD-2-Clause

#include "redis_client.hpp"

#include "../lib/text.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

namespace psm::cli {

namespace {

/// A whole index comes in one reply.
constexpr RedisLimits limits_of(RedisClient::Peer peer)
{
    return {
        .max_reply = std::size_t{256} * 1024 * 1024,
        .max_elements = 4'000'000,
        .max_outstanding = 16,
        .max_output = std::size_t{64} * 1024 * 1024,
        .null_arrays = peer == RedisClient::Peer::sentinel,
    };
}

constexpr std::size_t max_password = 512;

/// The first line of the file that `parameter` names.
std::string read_password(const std::string& parameter, const std::string& path)
{
    std::ifstream file(path);
    std::string line;
    if (!file.is_open()) {
        refuse("cannot read " + parameter + " " + path + ": " +
               std::generic_category().message(errno));
    }
    std::getline(file, line);
    if (line.ends_with('\r')) {
        line.pop_back();
    }
    if (line.empty() || line.size() > max_password) {
        refuse(parameter + " " + path +
               " must hold a password of 1 to 512 characters in its first "
               "line");
    }
    return line;
}

} // namespace

RedisClient::RedisClient(RedisAddress address, Peer peer)
    : address_(std::move(address)), peer_(peer),
      session_(limits_of(peer), &RedisClient::on_reply, this)
{
    try {
        stream_ = std::make_unique<RedisStream>(address_);
        log_in();
    } catch (const ConnectionError& error) {
        fail(error);
    }
}

std::string RedisClient::place() const
{
    if (!address_.socket_path.empty()) {
        return "unix:" + address_.socket_path;
    }
    const bool v6 = address_.host.find(':') != std::string::npos;
    return (peer_ == Peer::sentinel ? "sentinel://"
            : address_.tls          ? "rediss://"
                                    : "redis://") +
           (v6 ? "[" + address_.host + "]" : address_.host) + ":" +
           std::to_string(address_.port);
}

void RedisClient::fail(const std::string& cause, bool refused) const
{
    throw RedisFailure(
        (peer_ == Peer::sentinel ? "Sentinel at " : "Redis at ") + place(),
        cause, refused);
}

/// Who speaks TLS hangs up on one who does not.
void RedisClient::fail(const ConnectionError& error) const
{
    const bool perhaps_tls = stream_ != nullptr && !heard_ && !address_.tls &&
                             address_.socket_path.empty();
    fail(error.what() +
         std::string(perhaps_tls ? " (is it a TLS port? then TLS must be on)"
                                 : ""));
}

/// Sends what is queued and receives until it is done.
template <class Done>
void RedisClient::exchange(std::uint32_t timeout_ms, const Done& done)
{
    const std::int64_t deadline = now_ms() + timeout_ms;
    while (!done()) {
        if (!move_bytes() &&
            !stream_->wait(!session_.output().empty(), deadline)) {
            fail("no answer within " + std::to_string(timeout_ms) +
                 "ms (raise timeout= in --redis)");
        }
    }
}

/// False when nothing moves at the moment.
bool RedisClient::move_bytes()
{
    std::array<char, std::size_t{64} * 1024> buffer{};
    std::size_t sent = 0;
    if (const std::string_view output = session_.output(); !output.empty()) {
        sent = stream_->send(output);
        session_.sent(sent);
    }
    const std::size_t got = stream_->receive(buffer);
    heard_ = heard_ || got > 0;
    if (!session_.feed({buffer.data(), got})) {
        fail(session_.error());
    }
    return sent + got > 0;
}

void RedisClient::log_in()
{
    const bool redis = peer_ == Peer::redis;
    const std::string& path =
        redis ? address_.password_file : address_.sentinel_password_file;
    std::string password;
    if (!path.empty()) {
        password = read_password(
            redis ? "password_file" : "sentinel_password_file", path);
    }
    session_.start({.user = redis ? address_.user : address_.sentinel_user,
                    .password = password,
                    .database = redis ? address_.database : 0,
                    .client_name = {}});
    wipe(password);
    // No command goes along: where the log-in fails it must not be done as
    // somebody else.
    exchange(address_.timeout_ms, [this] { return session_.ready(); });
}

/// What the user can do about an error reply.
std::string RedisClient::remedy_for(std::string_view error) const
{
    if (error.starts_with("NOAUTH") || error.starts_with("NOPERM")) {
        return peer_ == Peer::sentinel
                   ? " (give a user that may do this: sentinel_user= and "
                     "sentinel_password_file= in --redis)"
                   : " (give a user that may do this: user= and "
                     "password_file= in --redis)";
    }
    if (error.starts_with("READONLY")) {
        return " (this is a replica: give the address of the master)";
    }
    for (const std::string_view code :
         {"MOVED", "ASK ", "CROSSSLOT", "CLUSTERDOWN"}) {
        if (error.starts_with(code)) {
            return " (this is a Redis Cluster, which is not supported yet: "
                   "give one Redis, or sentinels)";
        }
    }
    return "";
}

RedisValue RedisClient::ask(std::span<const std::string_view> words,
                            std::uint32_t longer_ms)
{
    reply_.reset();
    if (!session_.command(words, 0)) {
        fail(session_.broken() ? session_.error() : "the command is too large");
    }
    try {
        exchange(address_.timeout_ms + longer_ms,
                 [this] { return reply_.has_value(); });
    } catch (const ConnectionError& error) {
        fail(error);
    }
    return std::move(*reply_);
}

RedisValue RedisClient::run(std::span<const std::string_view> words,
                            std::uint32_t longer_ms)
{
    RedisValue value = ask(words, longer_ms);
    if (value.is_error()) {
        refuse(words.front(), value.text);
    }
    return value;
}

void RedisClient::refuse(std::string_view command, std::string_view error) const
{
    const std::string quoted = quote_reply(error);
    fail("refused " + std::string(command) + ": " + quoted + remedy_for(quoted),
         true);
}

void RedisClient::on_reply(void* context, std::uint64_t /*tag*/,
                           const RedisReply& reply)
{
    static_cast<RedisClient*>(context)->reply_ = own(reply);
}

} // namespace psm::cli
