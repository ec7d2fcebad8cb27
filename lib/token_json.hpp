// SPDX-License-Identifier: BSD-2-Clause
//
// The one JSON shape of tokens, channels, users and audit entries (design.md
// section 7), for `--json` and the API.

#pragma once

#include "audit.hpp"
#include "store.hpp"

#include <nlohmann/json_fwd.hpp>

namespace psm {

[[nodiscard]] nlohmann::ordered_json token_json(const StoredToken& token);
[[nodiscard]] nlohmann::ordered_json channel_json(const StoredChannel& channel);
[[nodiscard]] nlohmann::ordered_json user_json(const StoredUser& user);
[[nodiscard]] nlohmann::ordered_json audit_json(const AuditEntry& entry);

/// {"items":[...],"next":...}; `next` "" is null: there is no more.
[[nodiscard]] nlohmann::ordered_json list_json(nlohmann::ordered_json items,
                                               const std::string& next = {});

/// One text. What other writers stored may not be UTF-8: it is replaced.
[[nodiscard]] std::string dump_json(const nlohmann::ordered_json& json,
                                    int indent = -1);

} // namespace psm
