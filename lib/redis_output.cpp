// SPDX-License-Identifier: BSD-2-Clause

#include "redis_output.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace psm {

namespace {

std::size_t count_digits(std::size_t number) noexcept
{
    std::size_t digits = 1;
    for (; number >= 10; number /= 10) {
        digits++;
    }
    return digits;
}

} // namespace

std::size_t formatted_size(std::span<const std::string_view> words) noexcept
{
    std::size_t size = count_digits(words.size()) + 3;
    for (const std::string_view word : words) {
        size += count_digits(word.size()) + word.size() + 5;
    }
    return size;
}

RedisOutput::~RedisOutput()
{
    wipe(secret());
}

void RedisOutput::append(std::span<const std::string_view> words)
{
    make_room(formatted_size(words));
    append_count('*', words.size());
    for (const std::string_view word : words) {
        append_count('$', word.size());
        bytes_.append(word).append("\r\n");
    }
}

void RedisOutput::make_room(std::size_t size)
{
    if (bytes_.capacity() - bytes_.size() >= size) {
        return;
    }
    std::string larger;
    larger.reserve(std::max(bytes_.size() + size, 2 * bytes_.capacity()));
    larger.append(bytes_);
    larger.swap(bytes_);
    wipe(larger);
}

void RedisOutput::sent(std::size_t count) noexcept
{
    sent_ += std::min(count, bytes_.size() - sent_);
    if (sent_ < secret_) {
        return;
    }
    wipe(secret());
    secret_ = 0;
    if (sent_ == bytes_.size() || sent_ > bytes_.size() / 2) {
        bytes_.erase(0, sent_);
        sent_ = 0;
    }
}

void RedisOutput::append_count(char kind, std::size_t count)
{
    std::array<char, 20> digits{};
    char* const end = std::to_chars(digits.begin(), digits.end(), count).ptr;

    bytes_.push_back(kind);
    bytes_.append(digits.data(), end).append("\r\n");
}

} // namespace psm
