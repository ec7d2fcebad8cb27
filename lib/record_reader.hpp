// SPDX-License-Identifier: BSD-2-Clause
//
// From JSON to the fields of a record: what all records of ours have in
// common, so that each of them only says which fields it has and what they
// may hold. Records are small and hostile; they are refused when
//
//  - they are larger than max_record_size or nested deeper than 8,
//  - they are not one JSON object from the first byte to the last,
//  - a key stands twice in the record (in keys that are not ours, too).
//
// The fields own their texts. Only std::bad_alloc is thrown.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace psm {

enum class Shape : std::uint8_t {
    absent,
    number, // an integer, not negative
    flag,
    text,
    map,  // an object of texts
    list, // an array of texts
    other,
};

struct Field {
    Shape shape = Shape::absent;
    std::uint64_t number = 0;
    bool flag = false;
    std::string text;
    /// A map's keys and values, as they stand in the record and repeated if
    /// they are there; a list's items, as keys.
    std::vector<std::pair<std::string, std::string>> entries;
};

/// Fills fields[i] from the member keys[i]; other members are skipped whole.
/// Returns what is wrong, in words that hold nothing of the input.
[[nodiscard]] std::optional<std::string>
read_fields(std::string_view json, std::span<const std::string_view> keys,
            std::span<Field> fields);

} // namespace psm
