// SPDX-License-Identifier: BSD-2-Clause
//
// From received bytes to the replies of Redis (RESP2): hiredis' reader with
// object functions of our own, which keep no reply tree, limit nesting,
// elements and sizes, and do not recurse (redis.md section 2.4). Works with
// hiredis 0.14 and 1.x. Memory is kept from one reply to the next.
//
//     reader.feed(bytes);
//     while (const RedisReply* reply = reader.next()) { ... }
//     if (!reader.error().empty()) { close the connection }

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace psm {

enum class RedisType : std::uint8_t {
    nil,
    string,
    status,
    error,
    integer,
    array,
};

/// A reply, valid during the handler only. An array is flat: `elements`
/// lists what it holds depth first, an inner array as an element of type
/// array whose `integer` is its count, followed by its own elements.
struct RedisReply {
    RedisType type = RedisType::nil;
    std::string_view text;    // string, status, error
    std::int64_t integer = 0; // integer; array: number of elements
    std::span<const RedisReply> elements;
};

/// What a peer said, made fit for a log line: printable and short.
[[nodiscard]] std::string quote_reply(std::string_view text);

class RedisReader {
public:
    /// `max_reply` bounds the text in one reply, `max_elements` what all its
    /// arrays hold together.
    RedisReader(std::size_t max_reply, std::size_t max_elements);
    ~RedisReader();
    RedisReader(const RedisReader&) = delete;
    RedisReader& operator=(const RedisReader&) = delete;

    /// From now on a null array is a nil, instead of the end.
    void take_null_arrays() noexcept;

    /// Takes bytes in any split. Call next() until it gives nothing before
    /// the next feed().
    void feed(std::string_view bytes);

    /// The next whole reply, or null. It holds until the next call.
    [[nodiscard]] const RedisReply* next();

    /// Why nothing can be read any more; empty while all is well.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    struct Parser; // the hiredis side, kept out of this header

    void fail(std::string reason);

    std::unique_ptr<Parser> parser_;
    std::string error_;
    RedisReply reply_;
    std::size_t max_pending_;
};

} // namespace psm
