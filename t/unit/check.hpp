// SPDX-License-Identifier: BSD-2-Clause
//
// What every unit test includes: cmocka, whose header needs these four before
// it and C linkage around it, and comparisons that name the case of a table
// they failed in. The macros are here for the line number of the failure.
//
//     check_same(c.label, psm::some_text(c.input), c.expected);
//     check_equal(c.label, found.count, 2);
//     check_that(c.label, found.has_value());

#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>

extern "C" {
#include <cmocka.h>
}

// Macros of cmocka that would break standard headers included later; _fail
// and _skip do the same.
#undef fail
#undef skip

#include <string_view>

namespace check {

inline int print_length(std::string_view text)
{
    return static_cast<int>(text.size());
}

inline void same_at(const char* file, int line, std::string_view label,
                    std::string_view actual, std::string_view expected)
{
    if (actual == expected) {
        return;
    }
    print_error("case \"%.*s\": got \"%.*s\" (%zu), expected \"%.*s\" (%zu)\n",
                print_length(label), label.data(), print_length(actual),
                actual.data(), actual.size(), print_length(expected),
                expected.data(), expected.size());
    _fail(file, line);
}

inline void equal_at(const char* file, int line, std::string_view label,
                     long long actual, long long expected)
{
    if (actual == expected) {
        return;
    }
    print_error("case \"%.*s\": got %lld, expected %lld\n", print_length(label),
                label.data(), actual, expected);
    _fail(file, line);
}

inline void that_at(const char* file, int line, std::string_view label,
                    const char* condition, bool holds)
{
    if (holds) {
        return;
    }
    print_error("case \"%.*s\": not so: %s\n", print_length(label),
                label.data(), condition);
    _fail(file, line);
}

} // namespace check

/// Two texts (anything a std::string_view can be made from) are the same.
#define check_same(label, actual, expected)                                    \
    check::same_at(__FILE__, __LINE__, (label), (actual), (expected))

/// Two integers, enumerators or bools are equal.
#define check_equal(label, actual, expected)                                   \
    check::equal_at(__FILE__, __LINE__, (label),                               \
                    static_cast<long long>(actual),                            \
                    static_cast<long long>(expected))

/// A condition holds.
#define check_that(label, condition)                                           \
    check::that_at(__FILE__, __LINE__, (label), #condition,                    \
                   static_cast<bool>(condition))
