// SPDX-License-Identifier: BSD-2-Clause
//
// {"items":[...],"next":...} as print_json() would print it, but item by item,
// so that there may be any number of them.

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace psm::cli {

class JsonList {
public:
    void add(const nlohmann::ordered_json& item);

    /// `rest`: an object of the members behind `next`, or null.
    void end(const std::string& next, const nlohmann::ordered_json& rest) const;

private:
    bool begun_ = false;
};

} // namespace psm::cli
