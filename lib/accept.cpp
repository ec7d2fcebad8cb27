// SPDX-License-Identifier: BSD-2-Clause

#include "accept.hpp"

#include "text.hpp"

#include <algorithm>

namespace psm {

namespace {

constexpr int best = 1000;

std::string_view trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t";
    const std::size_t begin = text.find_first_not_of(blanks);

    return begin == std::string_view::npos
               ? std::string_view{}
               : text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Takes what stands before the next `separator` that is in no quoted string.
std::string_view take(std::string_view& rest, char separator)
{
    bool quoted = false;
    std::size_t at = 0;

    for (; at < rest.size() && (quoted || rest[at] != separator); at++) {
        if (rest[at] == '"') {
            quoted = !quoted;
        } else if (quoted && rest[at] == '\\') {
            at++;
        }
    }
    at = std::min(at, rest.size());

    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return trim(part);
}

/// "0", "0.5", "1.000"; -1 for anything else.
int parse_quality(std::string_view text)
{
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
        (text.size() > 1 && text[1] != '.')) {
        return -1;
    }

    int value = (text[0] - '0') * best;
    int unit = best / 10;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (!is_digit(c)) {
            return -1;
        }
        value += (c - '0') * unit;
        unit /= 10;
    }
    return value <= best ? value : -1;
}

/// How exactly a range names the type: 0 not at all, 3 by its name.
int exactness(std::string_view range, std::string_view type)
{
    if (iequals(range, type)) {
        return 3;
    }
    if (range == "*/*") {
        return 1;
    }
    const bool whole_kind = range.ends_with("/*") &&
                            type.find('/') == range.size() - 2 &&
                            iequals(range.substr(0, range.size() - 1),
                                    type.substr(0, range.size() - 1));
    return whole_kind ? 2 : 0;
}

int quality_of_range(std::string_view parameters)
{
    while (!parameters.empty()) {
        const std::string_view parameter = take(parameters, ';');
        if (iequals(parameter.substr(0, 2), "q=")) {
            return parse_quality(parameter.substr(2));
        }
    }
    return best;
}

} // namespace

int quality_of(std::string_view accept, std::string_view type) noexcept
{
    int exactest = 0;
    int quality = 0;

    if (trim(accept).empty()) {
        return best;
    }
    while (!accept.empty()) {
        std::string_view range = take(accept, ',');
        const int exact = exactness(take(range, ';'), type);
        const int wanted = quality_of_range(range);

        if (exact == 0 || exact < exactest || wanted < 0) {
            continue;
        }
        quality = exact > exactest ? wanted : std::max(quality, wanted);
        exactest = exact;
    }
    return quality;
}

} // namespace psm
