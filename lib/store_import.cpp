// SPDX-License-Identifier: BSD-2-Clause
//
// Tokens made elsewhere, many in one change. They are audited together: an
// entry each would push out what was done before.

#include "store.hpp"

#include <nlohmann/json.hpp>

namespace psm {

namespace {

AuditEvent import_event(const std::vector<ImportedToken>& tokens)
{
    nlohmann::ordered_json ids = nlohmann::ordered_json::array();
    for (const ImportedToken& token : tokens) {
        ids.push_back(token.record.id);
    }
    return {.what = "import",
            .id = tokens.size() == 1 ? tokens.front().record.id : "",
            .before = {},
            .after = nlohmann::ordered_json{{"count", tokens.size()},
                                            {"ids", std::move(ids)}}
                         .dump()};
}

} // namespace

Task<bool> Store::import_all(std::vector<ImportedToken> tokens, Actor actor)
{
    Transaction change;
    for (const ImportedToken& token : tokens) {
        change.expect(key("t:", token.digest), "");
        if (!token.reissued) {
            change.expect(key("i:", token.record.id), "");
        }
    }
    for (const ImportedToken& token : tokens) {
        add_imported(change, token, actor.now);
    }
    add_audit(change, import_event(tokens), actor);
    const bool done = co_await commit(std::move(change));
    co_return done;
}

void Store::add_imported(Transaction& change, const ImportedToken& token,
                         std::int64_t now) const
{
    const TokenRecord& record = token.record;
    const auto until = keep_until(record, now);
    change.set(key("t:", token.digest), token.json, until);
    if (token.reissued) {
        return;
    }
    change.set(key("i:", record.id), token.digest, until);
    if (record.deleted) {
        change.index(key("ix:", "del"), record.id, *record.deleted);
    } else {
        add_to_indexes(change, record);
    }
    if (token.last_used) {
        change.set_field(key("", "u"), record.id,
                         std::to_string(*token.last_used));
    }
}

} // namespace psm
