// SPDX-License-Identifier: BSD-2-Clause
//
// Tokens made, edited, given a new string and deleted. The record is written
// first, and as JSON, so that members of other systems survive.

#include "store.hpp"

#include <algorithm>

namespace psm {

namespace {

/// A record of others may have the last there is: it dies with that.
std::int64_t next_rev(std::int64_t rev)
{
    return rev < INT64_MAX ? rev + 1 : rev;
}

/// The old string of `main`, with no more than the new one may do.
TokenRecord twin_of(const TokenRecord& main, const TokenRecord& old,
                    std::int64_t until)
{
    TokenRecord twin = main;
    twin.id = old.id;
    twin.rev = next_rev(old.rev);
    twin.created = old.created;
    twin.created_by = old.created_by;
    twin.expires = std::min(main.expires, until);
    twin.superseded_by = main.id;
    twin.supersedes.clear();
    return twin;
}

TokenRecord tombstone_of(const TokenRecord& record, std::int64_t now)
{
    TokenRecord tombstone = record;
    tombstone.rev = next_rev(record.rev);
    tombstone.deleted = now;
    return tombstone;
}

} // namespace

std::optional<std::int64_t> keep_until(const TokenRecord& record,
                                       std::int64_t now)
{
    if (record.deleted) {
        return *record.deleted + grave_seconds;
    }
    if (record.expires == never_expires) {
        return std::nullopt;
    }
    return std::max(record.expires, now) + grave_seconds;
}

void Store::add_to_indexes(Transaction& change, const TokenRecord& record) const
{
    change.index(key("ix:", "all"), record.id, record.created);
    change.index(key("ix:o:", record.owner), record.id, record.created);
    if (!record.created_by.empty()) {
        change.index(key("ix:b:", record.created_by), record.id,
                     record.created);
    }
    set_expiry(change, record);
}

void Store::set_expiry(Transaction& change, const TokenRecord& record) const
{
    if (record.expires == never_expires) {
        change.unindex(key("ix:", "exp"), record.id);
    } else {
        change.index(key("ix:", "exp"), record.id, record.expires);
    }
}

/// Of a record that cannot be read owner and maker are not known.
void Store::drop_from_indexes(Transaction& change,
                              const TokenRecord& record) const
{
    change.unindex(key("ix:", "all"), record.id);
    change.unindex(key("ix:", "exp"), record.id);
    if (!record.owner.empty()) {
        change.unindex(key("ix:o:", record.owner), record.id);
    }
    if (!record.created_by.empty()) {
        change.unindex(key("ix:b:", record.created_by), record.id);
    }
}

void Store::add_audit(Transaction& change, const AuditEvent& event,
                      const Actor& actor) const
{
    change.append(key("", "audit"), audit_length, audit_fields(event, actor));
}

void Store::add_new(Transaction& change, const TokenRecord& record,
                    const std::string& json, const std::string& digest,
                    std::int64_t now) const
{
    const auto until = keep_until(record, now);
    change.set(key("t:", digest), json, until);
    change.set(key("i:", record.id), digest, until);
    add_to_indexes(change, record);
}

Task<bool> Store::create(TokenRecord record, std::string digest, Actor actor,
                         Premises premises)
{
    std::string json = encode_token_record(record);
    Transaction change;
    change.expect(premises);
    change.expect(key("t:", digest), "");
    change.expect(key("i:", record.id), "");
    add_new(change, record, json, digest, actor.now);
    add_audit(change, audit_event("create", record.id, "", json), actor);
    const bool done = co_await commit(std::move(change));
    co_return done;
}

/// The string that overlaps with that of `record`, while it lives.
Task<std::optional<StoredToken>> Store::find_twin(TokenRecord record)
{
    if (record.supersedes.empty()) {
        co_return std::nullopt;
    }
    std::optional<StoredToken> twin = co_await find_id(record.supersedes);
    const bool lives = twin && !twin->problem && !twin->record.deleted &&
                       twin->record.superseded_by == record.id;
    if (!lives) {
        co_return std::nullopt;
    }
    co_return twin;
}

Task<bool> Store::edit(StoredToken before, TokenRecord after, Actor actor,
                       Premises premises)
{
    std::optional<StoredToken> twin = co_await find_twin(before.record);
    after.supersedes = twin ? twin->record.id : "";
    const std::string json = update_token_record(before.json, after);

    Transaction change;
    change.expect(premises);
    change.expect(key("t:", before.digest), before.json);
    change.expect(key("i:", after.id), before.digest);
    const auto until = keep_until(after, actor.now);
    change.set(key("t:", before.digest), json, until);
    change.set(key("i:", after.id), before.digest, until);
    set_expiry(change, after);
    if (twin) {
        const TokenRecord old =
            twin_of(after, twin->record, twin->record.expires);
        change.expect(key("t:", twin->digest), twin->json);
        change.set(key("t:", twin->digest),
                   update_token_record(twin->json, old),
                   keep_until(old, actor.now));
        set_expiry(change, old);
    }
    add_audit(change, audit_event("edit", after.id, before.json, json), actor);
    const bool done = co_await commit(std::move(change));
    co_return done;
}

Task<bool> Store::reissue(StoredToken before, TokenRecord after,
                          std::string digest, std::optional<Overlap> overlap,
                          Actor actor, Premises premises)
{
    std::optional<StoredToken> twin = co_await find_twin(before.record);
    after.supersedes = overlap ? overlap->id : "";
    const std::string json = update_token_record(before.json, after);

    Transaction change;
    change.expect(premises);
    change.expect(key("t:", before.digest), before.json);
    change.expect(key("i:", after.id), before.digest);
    change.expect(key("t:", digest), "");
    if (overlap) {
        TokenRecord old = before.record;
        old.id = overlap->id;
        old = twin_of(after, old,
                      std::min(before.record.expires, overlap->until));
        change.expect(key("i:", old.id), "");
        add_new(change, old, update_token_record(before.json, old),
                before.digest, actor.now);
    } else {
        const TokenRecord dead = tombstone_of(before.record, actor.now);
        change.set(key("t:", before.digest),
                   update_token_record(before.json, dead),
                   actor.now + grave_seconds);
    }
    if (twin) {
        bury(change, *twin, actor.now);
    }
    const auto until = keep_until(after, actor.now);
    change.set(key("t:", digest), json, until);
    change.set(key("i:", after.id), digest, until);
    set_expiry(change, after);
    add_audit(change, audit_event("reissue", after.id, before.json, json),
              actor);
    const bool done = co_await commit(std::move(change));
    co_return done;
}

/// A record that cannot be edited goes at once: it was refused already.
void Store::bury(Transaction& change, const StoredToken& token,
                 std::int64_t now) const
{
    const std::string& id = token.record.id;
    const std::int64_t end = now + grave_seconds;
    change.expect(key("t:", token.digest), token.json);
    if (id.empty()) { // found by its string
        change.remove(key("t:", token.digest));
        return;
    }
    change.expect(key("i:", id), token.digest);
    if (token.problem) {
        change.remove(key("t:", token.digest));
        change.remove(key("i:", id));
    } else {
        const TokenRecord dead = tombstone_of(token.record, now);
        change.set(key("t:", token.digest),
                   update_token_record(token.json, dead), end);
        change.set(key("i:", id), token.digest, end);
        change.index(key("ix:", "del"), id, now);
    }
    drop_from_indexes(change, token.record);
}

Task<Store::Removal> Store::remove(StoredToken token, Actor actor,
                                   Premises premises)
{
    Transaction change;
    change.expect(premises);
    const bool dead = !token.problem && token.record.deleted;
    if (dead) {
        change.expect(key("t:", token.digest), token.json);
        change.touch(key("t:", token.digest), token.json);
    } else {
        std::optional<StoredToken> twin = co_await find_twin(token.record);
        bury(change, token, actor.now);
        if (twin) {
            bury(change, *twin, actor.now);
        }
        change.prune(key("ix:", "del"), actor.now - grave_seconds);
        add_audit(change,
                  audit_event("delete", token.record.id,
                              token.problem ? "" : token.json, ""),
                  actor);
    }
    const bool done = co_await commit(std::move(change));
    if (!done) {
        co_return Removal::changed;
    }
    co_return dead ? Removal::done_before : Removal::done;
}

} // namespace psm
