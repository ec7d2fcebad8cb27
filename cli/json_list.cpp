// SPDX-License-Identifier: BSD-2-Clause

#include "json_list.hpp"

#include "output.hpp"

#include <nlohmann/json.hpp>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

/// As it stands `depth` levels below the outermost brace.
std::string indented(const ordered_json& json, std::size_t depth)
{
    std::string text;
    for (const char c : dump_json(json, 2)) {
        text += c;
        if (c == '\n') {
            text.append(2 * depth, ' ');
        }
    }
    return text;
}

} // namespace

void JsonList::add(const ordered_json& item)
{
    print(begun_ ? ",\n    " : "{\n  \"items\": [\n    ");
    print(indented(item, 2));
    begun_ = true;
}

void JsonList::end(const std::string& next, const ordered_json& rest) const
{
    print(begun_ ? "\n  ]" : "{\n  \"items\": []");
    ordered_json members{{"next", nullptr}};
    if (!next.empty()) {
        members["next"] = next;
    }
    members.update(rest.is_null() ? ordered_json::object() : rest);
    for (const auto& [key, value] : members.items()) {
        print(",\n  " + ordered_json(key).dump() + ": " + indented(value, 1));
    }
    print("\n}\n");
}

} // namespace psm::cli
