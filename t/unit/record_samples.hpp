// SPDX-License-Identifier: BSD-2-Clause
//
// Good token records, and the ways to spoil them.

#pragma once

#include "check.hpp"

#include "../../lib/record.hpp"

#include <optional>
#include <string>

namespace samples {

/// A good record of each kind, open at the end for more members.
inline constexpr std::string_view start =
    R"({"v":1,"id":"a","name":"n","owner":"o","type":"resource",)"
    R"("resources":{"main":"read"})";
inline constexpr std::string_view scope_start =
    R"({"v":1,"id":"a","name":"n","owner":"o","type":"scope",)"
    R"("scopes":["artifact:view"])";

inline std::string with(std::string_view members, std::string_view from = start)
{
    return std::string(from) + std::string(members) + "}";
}

/// The good record with one of its parts replaced.
inline std::string swapped(std::string_view part, std::string_view by,
                           std::string_view from = start)
{
    std::string text = with("", from);
    const std::size_t at = text.find(part);
    check_that(part, at != std::string::npos);
    return text.replace(at, part.size(), by);
}

inline std::string repeated(std::string_view text, int count)
{
    std::string all;
    for (int i = 0; i < count; i++) {
        all += text;
    }
    return all;
}

inline std::optional<std::string> decode(std::string_view json)
{
    psm::TokenRecord record;
    return psm::decode_token_record(json, record);
}

inline void check_bad(std::string_view json)
{
    check_that(json.substr(0, 400), decode(json).has_value());
}

inline void check_good(std::string_view json)
{
    const auto problem = decode(json);
    check_same(json.substr(0, 400), problem.value_or(""), "");
}

} // namespace samples
