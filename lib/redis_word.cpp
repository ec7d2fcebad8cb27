// SPDX-License-Identifier: BSD-2-Clause

#include "redis_word.hpp"

#include <algorithm>

namespace psm {

std::string show_redis_word(std::string_view word)
{
    std::string text = "\"";
    if (const std::size_t at = word.rfind('@'); at != std::string_view::npos) {
        text += "...";
        word.remove_prefix(at);
    }
    const std::size_t equals = word.find('=');
    text += word.substr(0, equals);
    return text + (equals != std::string_view::npos ? "=...\"" : "\"");
}

bool has_only(std::string_view text, std::string_view punctuation) noexcept
{
    return std::all_of(text.begin(), text.end(), [=](char c) {
        return is_alnum(c) || punctuation.find(c) != std::string_view::npos;
    });
}

} // namespace psm
