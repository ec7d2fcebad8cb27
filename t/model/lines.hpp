// SPDX-License-Identifier: BSD-2-Clause
//
// The lines that the harness is asked in: fields with tabs between; \t \n \r
// \\ stand for themselves.

#pragma once

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace model {

using Fields = std::vector<std::string>;

[[noreturn]] inline void fail(std::string_view what)
{
    std::cerr << "harness: " << what << '\n';
    std::exit(2);
}

inline char unescape(char c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

inline Fields split(std::string_view line)
{
    Fields fields(1);

    for (std::size_t i = 0; i < line.size(); i++) {
        if (line[i] == '\t') {
            fields.emplace_back();
        } else if (line[i] == '\\' && i + 1 < line.size()) {
            fields.back() += unescape(line[++i]);
        } else {
            fields.back() += line[i];
        }
    }
    return fields;
}

inline Fields words(std::string_view list)
{
    Fields found;

    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        found.emplace_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return found;
}

} // namespace model
