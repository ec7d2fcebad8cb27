// SPDX-License-Identifier: BSD-2-Clause

#include "descent.hpp"

#include "progress.hpp"

#include <algorithm>
#include <map>
#include <optional>
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
/// strings: the steps of a descent that lead through the dead. And what the
/// first maker had himself.
using Graves = std::multimap<std::string, std::string>;

Graves find_graves(Store& store, const std::string& first, Progress& progress)
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
                   if (record.owner == first) {
                       graves.emplace(first, record.id);
                   }
               });
    return graves;
}

/// Those who make tokens, each once, in the order in which they are found.
class Makers {
public:
    explicit Makers(std::string first) { add(std::move(first)); }

    void add(std::string id)
    {
        if (known_.insert(id).second) {
            list_.push_back(std::move(id));
        }
    }

    /// The next of those that were added.
    std::optional<std::string> next()
    {
        return at_ < list_.size() ? std::optional(list_[at_++]) : std::nullopt;
    }

private:
    std::vector<std::string> list_;
    std::size_t at_ = 0;
    std::set<std::string> known_;
};

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
    const Graves graves = find_graves(store, maker, progress);
    Makers makers(maker);
    if (const auto root = run_now(store.find_id(maker))) {
        if (!root->record.supersedes.empty()) {
            makers.add(root->record.supersedes);
        }
    }
    read_index(store, {.index = TokenRange::Index::owner, .name = maker},
               [&](const StoredToken& token) { makers.add(token.record.id); });

    std::vector<std::string> found;
    std::set<std::string> known{maker};
    while (const auto name = makers.next()) {
        const auto [begin, end] = graves.equal_range(*name);
        std::for_each(begin, end,
                      [&](const auto& step) { makers.add(step.second); });
        read_index(store, {.index = TokenRange::Index::maker, .name = *name},
                   [&](const StoredToken& token) {
                       const std::string& id = token.record.id;
                       progress.advance(1);
                       makers.add(id);
                       if (known.insert(id).second) {
                           found.push_back(id);
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
