// SPDX-License-Identifier: BSD-2-Clause
//
// The records in Redis (design.md section 6), read and changed: once for the
// command line, which blocks, and for the API, which must not. Every change is
// one Transaction over record, id, indexes and audit, that does nothing when a
// record is not the one it was worked out from any more; the caller then reads
// again and decides anew.
//
// Keys beside the records, all below `prefix`:
//
//     i:<id>                            digest of the string that works
//     ix:all, ix:o:<owner>, ix:b:<by>   ids by creation: all, an owner's, those
//                                       that somebody made (a user or a token)
//     ix:exp                            ids by expiry
//     ix:del                            ids of tombstones by deletion
//     ix:c, ix:u                        channel paths, names of users
//
// The port and whatever is given by reference must outlive the tasks.

#pragma once

#include "audit.hpp"
#include "record.hpp"
#include "redis_port.hpp"
#include "script.hpp"
#include "task.hpp"
#include "token_filter.hpp"
#include "token_limits.hpp"
#include "transaction.hpp"
#include "user_record.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace psm {

/// Deleted and expired records stay this long, so that people see why a job
/// broke.
inline constexpr std::int64_t grave_seconds = std::int64_t{30} * 24 * 3600;

/// Until when a record is kept, and its id; nullopt: for good.
[[nodiscard]] std::optional<std::int64_t> keep_until(const TokenRecord& record,
                                                     std::int64_t now);

/// A token that was made elsewhere.
struct ImportedToken {
    TokenRecord record;
    std::string json;   // of the record, and what other systems keep in it
    std::string digest; // hexadecimal
    std::optional<std::int64_t> last_used{};
    bool reissued = false; // a tombstone whose id is another string's
};

struct StoredChannel {
    std::string path;
    std::optional<Privacy> privacy; // none: the record breaks the rules
};

struct StoredUser {
    std::string name;
    std::string json;
    UserRecord record;
    std::optional<std::string> problem; // the record breaks the rules: why
};

/// Which ids, and in what order.
struct TokenRange {
    enum class Index : std::uint8_t { all, owner, maker, expiry, deleted };

    Index index = Index::all;
    std::string name{};            // of the owner or maker
    std::string after{};           // a page's `next`; "": from the beginning
    std::int64_t from = 0;         // the first score: an expiry, a deletion
    std::int64_t until = max_time; // the last
    std::size_t limit = 100;       // ids looked at, 1 to max_page
    bool reverse = false;          // from the last to the first
};

inline constexpr std::size_t max_page = 500;

struct TokenPage {
    std::vector<StoredToken> tokens; // those whose record is still there
    std::vector<std::string> places; // of each: the `after` of what follows it
    std::string next;                // "": this was the last
};

class Store {
public:
    /// The last member of a page.
    struct Place {
        std::string score{};
        std::string id{};
    };

    Store(RedisPort& port, std::string prefix);

    // Tokens.

    /// False when the digest or the id is taken.
    Task<bool> create(TokenRecord record, std::string digest, Actor actor)
    {
        return create(std::move(record), std::move(digest), std::move(actor),
                      Premises());
    }

    /// The same, if the records that it was decided by still say so.
    Task<bool> create(TokenRecord record, std::string digest, Actor actor,
                      Premises premises);

    /// Makes many at once, as they are: expired, disabled and deleted ones,
    /// too. False, and none is made: a digest or an id is taken.
    Task<bool> import_all(std::vector<ImportedToken> tokens, Actor actor);

    Task<std::optional<StoredToken>> find_id(std::string id);
    /// Hexadecimal.
    Task<std::optional<StoredToken>> find_digest(std::string digest);
    /// In that order, without those that are gone.
    Task<std::vector<StoredToken>> find_ids(std::vector<std::string> ids);
    /// nullopt where `range.after` is no page's `next`.
    Task<std::optional<TokenPage>> list(TokenRange range);

    /// Puts `after` in the place of `before` under the same string. An old
    /// string that overlaps gets the same grants, and no later an expiry.
    /// False: `before` is not what is stored any more.
    Task<bool> edit(StoredToken before, TokenRecord after, Actor actor)
    {
        return edit(std::move(before), std::move(after), std::move(actor),
                    Premises());
    }

    Task<bool> edit(StoredToken before, TokenRecord after, Actor actor,
                    Premises premises);

    /// The same, under a new string (`digest`). The old one dies at once, or
    /// with `overlap` (a fresh id, and until when) lives on beside it. A string
    /// that overlapped before dies in any case.
    struct Overlap {
        std::string id;
        std::int64_t until = 0;
    };

    Task<bool> reissue(StoredToken before, TokenRecord after,
                       std::string digest, std::optional<Overlap> overlap,
                       Actor actor)
    {
        return reissue(std::move(before), std::move(after), std::move(digest),
                       std::move(overlap), std::move(actor), Premises());
    }

    Task<bool> reissue(StoredToken before, TokenRecord after,
                       std::string digest, std::optional<Overlap> overlap,
                       Actor actor, Premises premises);

    enum class Removal : std::uint8_t { done, done_before, unknown, changed };

    /// Turns the record, and that of a string which overlaps, into a
    /// tombstone. One that is a tombstone already is written again, so that a
    /// replica can confirm it. `changed`: it was changed meanwhile.
    Task<Removal> remove(StoredToken token, Actor actor)
    {
        return remove(std::move(token), std::move(actor), Premises());
    }

    Task<Removal> remove(StoredToken token, Actor actor, Premises premises);

    // Channels.

    Task<std::vector<StoredChannel>> channels();
    /// False: it, or what this was decided by, was changed meanwhile.
    Task<bool> set_privacy(std::string path, Privacy privacy, Actor actor,
                           Premises premises);

    /// The most specific record on the path of `channel` decides.
    struct FoundPrivacy {
        std::optional<Privacy> privacy; // none: the record breaks the rules
        std::string channel; // whose record it is; empty: none has one
    };

    Task<FoundPrivacy> find_privacy(std::string channel, Privacy otherwise);

    // Users.

    Task<std::optional<StoredUser>> find_user(std::string name);
    Task<std::vector<StoredUser>> users();
    /// `before`: as it was read; none: there was no such user. False: that is
    /// not so any more. The tokens of the user are not touched.
    Task<bool> set_user(std::string name, std::optional<StoredUser> before,
                        UserRecord after, Actor actor);

    // Audit.

    enum class AuditStream : std::uint8_t { done, denied };

    /// Entries behind `after` (an entry's id; "" from the oldest), oldest
    /// first.
    Task<std::vector<AuditEntry>> audit(AuditStream stream, std::string after,
                                        std::size_t limit);
    /// An attempt that was refused; see audit.hpp.
    Task<void> note(AuditEvent event, Actor actor);

    [[nodiscard]] std::string key(std::string_view kind,
                                  std::string_view name) const;

    /// For who mends what is stored. False: a guard did not hold.
    Task<bool> commit(Transaction change);

    /// One command whose error reply is the end of it.
    Task<RedisValue> ask(std::vector<std::string> words);

private:
    Task<RedisValue> get(std::string_view key);
    Task<RedisValue> members(std::string_view key);
    Task<RedisValue> run(const Script& script, std::vector<std::string> words,
                         RedisCall::Effect effect);
    Task<std::vector<RedisValue>> get_all(std::string_view kind,
                                          std::vector<std::string> names);
    Task<std::vector<StoredToken>>
    with_last_use(std::vector<StoredToken> tokens);
    Task<std::vector<std::optional<StoredToken>>>
    read_tokens(std::vector<std::string> ids);
    Task<std::optional<StoredToken>> find_twin(TokenRecord record);

    struct Rank {
        std::int64_t before = 0; // how many are
        bool there = false;      // whether it is itself a member
    };

    struct Span {
        std::int64_t first = 0;
        std::int64_t last = 0; // one behind it
    };

    Task<Rank> rank_of(std::string index, Place place);
    Task<Span> span_of(TokenRange range, std::string index);

    [[nodiscard]] std::string index_key(const TokenRange& range) const;
    [[nodiscard]] std::string audit_key(AuditStream stream) const;

    // Parts of a change.
    void add_new(Transaction& change, const TokenRecord& record,
                 const std::string& json, const std::string& digest,
                 std::int64_t now) const;
    void add_imported(Transaction& change, const ImportedToken& token,
                      std::int64_t now) const;
    void add_to_indexes(Transaction& change, const TokenRecord& record) const;
    void set_expiry(Transaction& change, const TokenRecord& record) const;
    void drop_from_indexes(Transaction& change,
                           const TokenRecord& record) const;
    void bury(Transaction& change, const StoredToken& token,
              std::int64_t now) const;
    void add_audit(Transaction& change, const AuditEvent& event,
                   const Actor& actor) const;

    RedisPort& port_;
    std::string prefix_;
    Script change_;
};

} // namespace psm
