// SPDX-License-Identifier: BSD-2-Clause

#include "record_exam.hpp"

#include "../lib/token_draft.hpp"

#include <algorithm>

namespace psm::cli {

namespace {

/// "token <id>"; a record is named by its digest where it has none.
std::string name_of(const TokenRecord& record)
{
    return "token " + record.id;
}

} // namespace

std::vector<RecordExam::Exhibit> RecordExam::read(const Names& digests)
{
    const Names records = reader_.get_scanned("t:", digests);
    std::vector<Exhibit> exhibits;
    Names ids;
    for (std::size_t i = 0; i < digests.size(); i++) {
        if (records[i].empty()) {
            continue; // gone since, or of a wrong type
        }
        Exhibit exhibit{.digest = digests[i], .json = records[i]};
        exhibit.problem = decode_token_record(exhibit.json, exhibit.record);
        if (!exhibit.problem) {
            ids.push_back(exhibit.record.id);
        }
        exhibits.push_back(std::move(exhibit));
    }
    const Names found = reader_.get_all("i:", ids);
    std::size_t at = 0;
    for (Exhibit& exhibit : exhibits) {
        if (!exhibit.problem) {
            exhibit.leads_to = found[at];
            at++;
        }
    }
    read_scores(exhibits);
    return exhibits;
}

/// What the indexes should say. A live token whose id leads elsewhere has no
/// place of its own in them, and neither has what a re-issue left behind.
RecordExam::Scores RecordExam::wanted(const Exhibit& exhibit) const
{
    const TokenRecord& record = exhibit.record;
    const bool foreign =
        !exhibit.leads_to.empty() && exhibit.leads_to != exhibit.digest;
    if (exhibit.problem || foreign ||
        (record.deleted && exhibit.leads_to.empty())) {
        return {};
    }
    Scores scores;
    const auto place = [&](std::string_view kind, std::string_view name,
                           std::optional<std::int64_t> live,
                           std::optional<std::int64_t> dead) {
        scores[store_.key(kind, name)] = record.deleted ? dead : live;
    };
    const auto expires = record.expires == never_expires
                             ? std::nullopt
                             : std::optional(record.expires);
    place("ix:", "all", record.created, std::nullopt);
    place("ix:", "exp", expires, std::nullopt);
    place("ix:", "del", std::nullopt, record.deleted);
    place("ix:o:", record.owner, record.created, std::nullopt);
    if (!record.created_by.empty()) {
        place("ix:b:", record.created_by, record.created, std::nullopt);
    }
    return scores;
}

/// One question for each index.
void RecordExam::read_scores(std::vector<Exhibit>& exhibits)
{
    std::map<std::string, std::vector<Exhibit*>> by_index;
    for (Exhibit& exhibit : exhibits) {
        for (const auto& [index, score] : wanted(exhibit)) {
            by_index[index].push_back(&exhibit);
        }
    }
    for (const auto& [index, asked] : by_index) {
        Names members;
        for (const Exhibit* const exhibit : asked) {
            members.push_back(exhibit->record.id);
        }
        const auto scores = reader_.scores(index, members);
        for (std::size_t i = 0; i < asked.size(); i++) {
            asked[i]->scores[index] = scores[i];
        }
    }
}

bool RecordExam::is_sound(const Exhibit& exhibit) const
{
    if (exhibit.problem) {
        return false;
    }
    const bool dead = exhibit.record.deleted.has_value();
    return (dead || exhibit.leads_to == exhibit.digest) &&
           exhibit.scores == wanted(exhibit);
}

void RecordExam::examine(const Names& digests)
{
    Names doubtful;
    for (const Exhibit& exhibit : read(digests)) {
        const bool dead = !exhibit.problem && exhibit.record.deleted;
        (dead ? tombstones_ : tokens_)++;
        if (!is_sound(exhibit)) {
            doubtful.push_back(exhibit.digest);
        }
    }
    for (const std::string& digest : doubtful) {
        for (const Exhibit& exhibit : read({digest})) {
            judge(exhibit);
        }
        // An id that was mended has no index entries yet.
        for (const Exhibit& exhibit : read({digest})) {
            judge_entries(exhibit);
        }
    }
}

void RecordExam::judge(const Exhibit& exhibit)
{
    if (exhibit.problem) {
        faults_.add(FaultKind::bad_record, "digest " + exhibit.digest,
                    *exhibit.problem + " (its token is refused)");
        return;
    }
    if (!exhibit.record.deleted && exhibit.leads_to != exhibit.digest) {
        judge_id(exhibit);
    }
}

void RecordExam::judge_id(const Exhibit& exhibit)
{
    const TokenRecord& record = exhibit.record;
    Transaction mending;
    mending.expect(store_.key("t:", exhibit.digest), exhibit.json);
    if (exhibit.leads_to.empty()) {
        mending.expect(store_.key("i:", record.id), "");
        mending.set(store_.key("i:", record.id), exhibit.digest,
                    keep_until(record, now_));
        faults_.add(FaultKind::no_id, name_of(record),
                    "its id leads nowhere, so that it cannot be deleted",
                    std::move(mending), "the id leads to it");
        return;
    }
    TokenRecord renamed = record;
    renamed.id = make_token_id();
    renamed.rev++;
    mending.expect(store_.key("i:", renamed.id), "");
    const auto until = keep_until(renamed, now_);
    mending.set(store_.key("t:", exhibit.digest),
                update_token_record(exhibit.json, renamed), until);
    mending.set(store_.key("i:", renamed.id), exhibit.digest, until);
    faults_.add(FaultKind::shared_id, name_of(record),
                "the record of digest " + exhibit.digest.substr(0, 12) +
                    "... has the id of another token, so that it cannot be "
                    "deleted",
                std::move(mending), "it has the id " + renamed.id + " now");
}

void RecordExam::judge_entries(const Exhibit& exhibit)
{
    const TokenRecord& record = exhibit.record;
    const Scores should = wanted(exhibit);
    if (exhibit.scores == should) {
        return;
    }
    Transaction mending;
    mending.expect(store_.key("t:", exhibit.digest), exhibit.json);
    mending.expect(store_.key("i:", record.id), exhibit.leads_to);
    bool missing = true;
    std::string which;
    for (const auto& [index, score] : should) {
        const auto found = exhibit.scores.at(index);
        if (found == score) {
            continue;
        }
        which += (which.empty() ? "" : ", ") + index;
        missing = missing && !found;
        if (score) {
            mending.index(index, record.id, *score);
        } else {
            mending.unindex(index, record.id);
        }
    }
    faults_.add(missing ? FaultKind::missing_entry : FaultKind::wrong_entry,
                name_of(record),
                (missing ? "not in " : "not as it should be in ") + which,
                std::move(mending), "put in order");
}

/// Those ids that lead to no record of theirs; `last`: they are faults.
RecordExam::Names RecordExam::dangling(const Names& ids, bool last)
{
    const Names digests = reader_.get_all("i:", ids);
    const Names records = reader_.get_all("t:", digests);
    Names found;
    for (std::size_t i = 0; i < ids.size(); i++) {
        TokenRecord record;
        const bool unreadable =
            decode_token_record(records[i], record).has_value();
        const bool fits = records[i].empty()
                              ? digests[i].empty()
                              : unreadable || record.id == ids[i];
        if (fits) {
            continue;
        }
        found.push_back(ids[i]);
        if (last) {
            Transaction mending;
            mending.expect(store_.key("i:", ids[i]), digests[i]);
            mending.expect(store_.key("t:", digests[i]), records[i]);
            mending.remove(store_.key("i:", ids[i]));
            faults_.add(FaultKind::dangling_id, "id " + ids[i],
                        records[i].empty()
                            ? "there is no record where it leads"
                            : "it leads to the record of token " + record.id,
                        std::move(mending), "taken away");
        }
    }
    return found;
}

void RecordExam::examine_ids(const Names& ids)
{
    for (const std::string& id : dangling(ids, false)) {
        static_cast<void>(dangling({id}, true));
    }
}

} // namespace psm::cli
