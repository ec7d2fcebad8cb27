// SPDX-License-Identifier: BSD-2-Clause

#include "json_object.hpp"

#include <nlohmann/json.hpp>

namespace psm {

namespace {

constexpr int max_depth = 8;

} // namespace

nlohmann::ordered_json parse_object(std::string_view text)
{
    using Tree = nlohmann::ordered_json;
    bool deep = false;
    const auto look = [&deep](int depth, Tree::parse_event_t event, Tree&) {
        const bool opens = event == Tree::parse_event_t::object_start ||
                           event == Tree::parse_event_t::array_start;
        deep = deep || (opens && depth >= max_depth);
        return !deep;
    };
    // What the last call refuses, the whole, is no object any more.
    Tree tree = Tree::parse(text, look, false);
    return tree.is_object() ? tree : Tree(nullptr);
}

} // namespace psm
