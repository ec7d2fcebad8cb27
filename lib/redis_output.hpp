// SPDX-License-Identifier: BSD-2-Clause
//
// Commands on their way to Redis: arrays of bulk strings, one behind another,
// and how far they have left. The memory is kept; what is sealed is wiped once
// it is sent, and whenever the bytes move.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace psm {

/// What append() adds for a command.
[[nodiscard]] std::size_t
formatted_size(std::span<const std::string_view> words) noexcept;

class RedisOutput {
public:
    RedisOutput() = default;
    ~RedisOutput();
    RedisOutput(const RedisOutput&) = delete;
    RedisOutput& operator=(const RedisOutput&) = delete;

    /// What has not left yet.
    [[nodiscard]] std::string_view view() const noexcept
    {
        return std::string_view(bytes_).substr(sent_);
    }

    /// A command; its words may hold any bytes.
    void append(std::span<const std::string_view> words);

    /// For `size` more bytes. Not left to the string: that would leave a copy
    /// of a secret behind.
    void make_room(std::size_t size);

    /// All that is in it so far is wiped once it is sent.
    void seal() noexcept { secret_ = bytes_.size(); }

    /// So many bytes have left.
    void sent(std::size_t count) noexcept;

private:
    void append_count(char kind, std::size_t count);

    [[nodiscard]] std::span<char> secret() noexcept
    {
        return std::span<char>(bytes_).first(secret_);
    }

    std::string bytes_;
    std::size_t sent_ = 0;
    std::size_t secret_ = 0;
};

} // namespace psm
