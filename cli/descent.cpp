// SPDX-License-Identifier: BSD-2-Clause

#include "descent.hpp"

#include "progress.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace psm::cli {

namespace {

/// Those that are not dead, or in the index of the dead.
template <typename Take>
void read_index(Store& store, TokenRange range, Take take)
{
    range.limit = max_page;
    do {
        const auto page = run_now(store.list(range));
        for (const StoredToken& token : page->tokens) {
            const bool dead = token.record.deleted.has_value();
            if (dead == (range.index == TokenRange::Index::deleted)) {
                take(token);
            }
        }
        range.after = page->next;
    } while (!range.after.empty());
}

/// By maker the ids of what he made and is dead, and by token those of its old
/// strings: the steps of a descent that lead through the dead.
using Graves = std::multimap<std::string, std::string>;

Graves find_graves(Store& store, Progress& progress)
{
    Graves graves;
    read_index(store, {.index = TokenRange::Index::deleted},
               [&](const StoredToken& token) {
                   const TokenRecord& record = token.record;
                   progress.advance(1);
                   if (!record.created_by.empty()) {
                       graves.emplace(record.created_by, record.id);
                   }
                   if (!record.superseded_by.empty()) {
                       graves.emplace(record.superseded_by, record.id);
                   }
               });
    return graves;
}

} // namespace

std::vector<std::string> find_owned(Store& store, const std::string& owner,
                                    Progress& progress)
{
    std::vector<std::string> ids;
    std::vector<std::string> old;
    read_index(store, {.index = TokenRange::Index::owner, .name = owner},
               [&](const StoredToken& token) {
                   const bool is_old = !token.record.superseded_by.empty();
                   (is_old ? old : ids).push_back(token.record.id);
                   progress.advance(1);
               });
    ids.insert(ids.end(), old.begin(), old.end());
    return ids;
}

std::vector<std::string> find_descent(Store& store, const std::string& maker,
                                      Progress& progress)
{
    const Graves graves = find_graves(store, progress);
    std::vector<std::string> found;
    std::vector<std::string> makers{maker};
    std::set<std::string> known{maker};
    const auto add_maker = [&](const std::string& id) {
        const bool is_new = known.insert(id).second;
        if (is_new) {
            makers.push_back(id);
        }
        return is_new;
    };
    if (const auto root = run_now(store.find_id(maker))) {
        if (!root->record.supersedes.empty()) {
            add_maker(root->record.supersedes);
        }
    }
    for (std::size_t at = 0; at < makers.size(); at++) {
        const std::string name = makers[at];
        const auto [begin, end] = graves.equal_range(name);
        std::for_each(begin, end,
                      [&](const auto& step) { add_maker(step.second); });
        read_index(store, {.index = TokenRange::Index::maker, .name = name},
                   [&](const StoredToken& token) {
                       progress.advance(1);
                       if (add_maker(token.record.id)) {
                           found.push_back(token.record.id);
                       }
                   });
    }
    return found;
}

std::size_t count_made(Store& store, const std::vector<std::string>& maker_ids,
                       std::int64_t now)
{
    std::size_t count = 0;
    for (const std::string& id : maker_ids) {
        const TokenRange range{
            .index = TokenRange::Index::maker, .name = id, .limit = max_page};
        const auto page = run_now(store.list(range));
        count += static_cast<std::size_t>(std::ranges::count_if(
            page->tokens, [now](const StoredToken& token) {
                return !token.problem &&
                       state_of(token.record, now) == TokenState::active;
            }));
    }
    return count;
}

} // namespace psm::cli
