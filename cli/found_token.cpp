// SPDX-License-Identifier: BSD-2-Clause

#include "found_token.hpp"

#include "command.hpp"

#include "../lib/clock_text.hpp"

namespace psm::cli {

StoredToken find_token(Store& store, const std::string& id)
{
    std::optional<StoredToken> token = run_now(store.find_id(id));
    if (!token) {
        throw Failure(no, "no token has the ID " + id +
                              ": `psm-token list` shows those there are");
    }
    return std::move(*token);
}

StoredToken find_changeable(Store& store, const std::string& id)
{
    StoredToken token = find_token(store, id);
    const TokenRecord& record = token.record;
    if (token.problem) {
        throw Failure(cannot_tell, "the record of " + id +
                                       " is not valid, and its token is "
                                       "refused: " +
                                       *token.problem +
                                       ". Delete it, and create another one");
    }
    if (record.deleted) {
        throw Failure(no, "token " + id + " was deleted at " +
                              format_time(*record.deleted) +
                              ", which is for good: create another one");
    }
    if (!record.superseded_by.empty()) {
        throw Failure(no, "token " + id +
                              " is an old string that overlaps: change " +
                              record.superseded_by + ", which took its place");
    }
    return token;
}

std::optional<StoredToken> find_twin(Store& store, const TokenRecord& record)
{
    if (record.supersedes.empty()) {
        return std::nullopt;
    }
    auto twin = run_now(store.find_id(record.supersedes));
    const bool lives = twin && !twin->problem && !twin->record.deleted &&
                       twin->record.superseded_by == record.id;
    return lives ? std::move(twin) : std::nullopt;
}

void add_rev_option(Syntax syntax, std::optional<std::int64_t>& rev)
{
    syntax
        .add("--if-rev", rev,
             "Only if the token's rev is still this; exit 1 if not")
        .takes("NUMBER");
}

void check_rev(const StoredToken& token,
               const std::optional<std::int64_t>& wanted)
{
    if (!wanted) {
        return;
    }
    const std::string id = "token " + token.record.id;
    if (token.problem) {
        throw Failure(cannot_tell,
                      id + " has no rev, its record is not valid: leave out "
                           "--if-rev");
    }
    if (token.record.rev != *wanted) {
        throw Failure(no, id + " has rev " + std::to_string(token.record.rev) +
                              " now, not " + std::to_string(*wanted) +
                              ": nothing was changed. Look at it with "
                              "`psm-token show`, then decide anew");
    }
}

} // namespace psm::cli
