// SPDX-License-Identifier: BSD-2-Clause

#include "index_exam.hpp"

#include <algorithm>

namespace psm::cli {

/// Records that a set lists.
struct IndexExam::Listing {
    std::string_view kind; // of the key
    std::string_view list;
    std::string_view noun;
    FaultKind bad;
    FaultKind missing;
    FaultKind old;
    std::optional<std::string> (*problem)(std::string_view json);
};

namespace {

std::optional<std::string> channel_record_problem(std::string_view json)
{
    Privacy privacy{};
    return decode_channel_record(json, privacy);
}

std::optional<std::string> user_record_problem(std::string_view json)
{
    UserRecord record;
    return decode_user_record(json, record);
}

} // namespace

const IndexExam::Listing& IndexExam::channels() noexcept
{
    static constexpr Listing listing{.kind = "c:",
                                     .list = "ix:c",
                                     .noun = "channel ",
                                     .bad = FaultKind::bad_channel,
                                     .missing = FaultKind::missing_channel,
                                     .old = FaultKind::old_channel,
                                     .problem = channel_record_problem};
    return listing;
}

const IndexExam::Listing& IndexExam::users() noexcept
{
    static constexpr Listing listing{.kind = "user:",
                                     .list = "ix:u",
                                     .noun = "user ",
                                     .bad = FaultKind::bad_user,
                                     .missing = FaultKind::missing_user,
                                     .old = FaultKind::old_user,
                                     .problem = user_record_problem};
    return listing;
}

void IndexExam::judge(const std::string& index, const Belongs& belongs,
                      const Names& members, bool last)
{
    const Names digests = reader_.get_all("i:", members);
    const Names records = reader_.get_all("t:", digests);
    for (std::size_t i = 0; i < members.size(); i++) {
        TokenRecord record;
        const bool gone = records[i].empty();
        const bool unreadable =
            !gone && decode_token_record(records[i], record).has_value();
        if (unreadable || (!gone && belongs(record))) {
            continue;
        }
        if (!last) {
            judge(index, belongs, {members[i]}, true);
            continue;
        }
        Transaction mending;
        mending.expect(store_.key("i:", members[i]), digests[i]);
        if (!digests[i].empty()) {
            mending.expect(store_.key("t:", digests[i]), records[i]);
        }
        mending.unindex(index, members[i]);
        faults_.add(gone ? FaultKind::old_entry : FaultKind::wrong_entry,
                    "token " + members[i],
                    (gone ? "still in " : "does not belong in ") + index,
                    std::move(mending), "taken out");
    }
}

void IndexExam::examine(const std::string& index, const Belongs& belongs)
{
    reader_.scan("ZSCAN", index, [&](const Names& members) {
        judge(index, belongs, members, false);
        step_();
    });
}

void IndexExam::examine_owner(const std::string& owner)
{
    examine(store_.key("ix:o:", owner), [&](const TokenRecord& record) {
        return record.owner == owner && !record.deleted;
    });
}

void IndexExam::examine_maker(const std::string& maker)
{
    examine(store_.key("ix:b:", maker), [&](const TokenRecord& record) {
        return record.created_by == maker && !record.deleted;
    });
}

void IndexExam::examine_common()
{
    // What a record is in is known; its entries were looked at with it.
    for (const std::string_view name : {"all", "exp", "del"}) {
        examine(store_.key("ix:", name),
                [](const TokenRecord&) { return true; });
    }
}

void IndexExam::examine_uses()
{
    const std::string uses = store_.key("", "u");
    reader_.scan("HSCAN", uses, [&](const Names& ids) {
        const Names digests = reader_.get_all("i:", ids);
        for (std::size_t i = 0; i < ids.size(); i++) {
            if (digests[i].empty()) {
                Transaction mending;
                mending.expect(store_.key("i:", ids[i]), "");
                mending.drop_field(uses, ids[i]);
                faults_.add(FaultKind::old_use, "token " + ids[i],
                            "its last use is still in " + uses,
                            std::move(mending), "taken out");
            }
        }
        step_();
    });
}

void IndexExam::examine_listed(const Listing& listing, const Names& names)
{
    if (names.empty()) {
        return;
    }
    const std::string list = store_.key("", listing.list);
    const Names records = reader_.get_scanned(listing.kind, names);
    const std::vector<bool> listed = reader_.are_members(list, names);
    for (std::size_t i = 0; i < names.size(); i++) {
        const std::string subject = std::string(listing.noun) + names[i];
        if (records[i].empty()) {
            continue; // gone since
        }
        if (const auto problem = listing.problem(records[i])) {
            faults_.add(listing.bad, subject, *problem);
        }
        if (!listed[i]) {
            Transaction mending;
            mending.expect(store_.key(listing.kind, names[i]), records[i]);
            mending.include(list, names[i]);
            faults_.add(listing.missing, subject, "not in " + list,
                        std::move(mending), "put in");
        }
    }
}

void IndexExam::examine_list(const Listing& listing)
{
    const std::string list = store_.key("", listing.list);
    reader_.scan("SSCAN", list, [&](const Names& names) {
        const Names records = reader_.get_all(listing.kind, names);
        for (std::size_t i = 0; i < names.size(); i++) {
            if (!records[i].empty()) {
                continue;
            }
            Transaction mending;
            mending.expect(store_.key(listing.kind, names[i]), "");
            mending.exclude(list, names[i]);
            faults_.add(listing.old, std::string(listing.noun) + names[i],
                        "in " + list + " without a record", std::move(mending),
                        "taken out");
        }
        step_();
    });
}

void IndexExam::examine_channels(const Names& paths)
{
    examine_listed(channels(), paths);
}

void IndexExam::examine_users(const Names& names)
{
    examine_listed(users(), names);
}

void IndexExam::examine_lists()
{
    examine_list(channels());
    examine_list(users());
}

} // namespace psm::cli
