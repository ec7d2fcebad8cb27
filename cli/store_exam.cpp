// SPDX-License-Identifier: BSD-2-Clause

#include "store_exam.hpp"

#include "faults.hpp"
#include "index_exam.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "record_exam.hpp"
#include "redis_client.hpp"
#include "store_reader.hpp"

#include "../lib/store.hpp"
#include "../lib/text.hpp"

#include <algorithm>
#include <array>

namespace psm::cli {

namespace {

using Names = StoreReader::Names;

/// The keys that one SCAN found, by what they are: their names, without the
/// prefix and the kind.
struct ScannedKeys {
    Names digests{};
    Names ids{};
    Names owners{};
    Names makers{};
    Names channels{};
    Names users{};
    Names strange{};
};

bool is_digest(std::string_view text)
{
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return hex_value(c) >= 0 && to_lower(c) == c;
           });
}

void sort_key(std::string_view name, ScannedKeys& keys)
{
    struct Kind {
        std::string_view begin;
        Names ScannedKeys::*list;
    };

    static constexpr std::array<Kind, 6> kinds{{
        {"t:", &ScannedKeys::digests},
        {"i:", &ScannedKeys::ids},
        {"ix:o:", &ScannedKeys::owners},
        {"ix:b:", &ScannedKeys::makers},
        {"c:", &ScannedKeys::channels},
        {"user:", &ScannedKeys::users},
    }};
    static constexpr std::array<std::string_view, 8> single{
        "ix:all", "ix:exp", "ix:del", "ix:c",
        "ix:u",   "u",      "audit",  "audit:denied"};
    if (std::ranges::count(single, name) != 0) {
        return;
    }
    for (const Kind& kind : kinds) {
        const bool token = kind.list == &ScannedKeys::digests;
        if (name.starts_with(kind.begin) &&
            (!token || is_digest(name.substr(kind.begin.size())))) {
            (keys.*kind.list).emplace_back(name.substr(kind.begin.size()));
            return;
        }
    }
    keys.strange.emplace_back(name);
}

class StoreExam {
public:
    StoreExam(const Patient& patient, Store& store, bool repair,
              std::int64_t now)
        : patient_(patient), progress_("looking at keys", count_keys(patient)),
          faults_(store, repair, [this] { progress_.hide(); }),
          reader_(patient, faults_), records_(store, reader_, faults_, now),
          indexes_(store, reader_, faults_, [this] { check_interrupt(); })
    {
    }

    void run()
    {
        std::string cursor = "0";
        do {
            const RedisValue reply =
                reader_.ask({"SCAN", cursor, "MATCH", patient_.prefix + "*",
                             "COUNT", std::to_string(exam_batch)});
            examine(sort_keys(reply));
            progress_.advance(exam_batch);
            check_interrupt();
            cursor = reply.elements.at(0).text;
        } while (cursor != "0");
        indexes_.examine_common();
        indexes_.examine_uses();
        indexes_.examine_lists();
        progress_.hide();
    }

    [[nodiscard]] Faults& faults() noexcept { return faults_; }

    void report() const
    {
        const bool elsewhere = found_ == 0 && count_keys(patient_) > 0;
        patient_.findings.add(
            elsewhere ? Verdict::note : Verdict::good, "records",
            "what is there",
            std::to_string(records_.tokens()) + " tokens, " +
                std::to_string(records_.tombstones()) + " deleted ones, " +
                std::to_string(channels_) + " channels, " +
                std::to_string(users_) + " users below " + patient_.prefix +
                (elsewhere ? ", but other keys: is prefix= in --redis right?"
                           : ""));
    }

private:
    static std::uint64_t count_keys(const Patient& patient)
    {
        const RedisValue size = patient.ask({"DBSIZE"});
        return static_cast<std::uint64_t>(
            std::max<std::int64_t>(size.integer, 0));
    }

    static void check_interrupt()
    {
        if (Interrupt::asked()) {
            throw Interrupted("not all keys have been looked at");
        }
    }

    // A flat reply: the cursor, the list, its elements.
    ScannedKeys sort_keys(const RedisValue& reply)
    {
        constexpr std::size_t list = 2;
        ScannedKeys keys;
        for (std::size_t i = list; i < reply.elements.size(); i++) {
            const std::string_view key = reply.elements[i].text;
            sort_key(key.substr(patient_.prefix.size()), keys);
            found_++;
        }
        return keys;
    }

    void examine(const ScannedKeys& keys)
    {
        channels_ += keys.channels.size();
        users_ += keys.users.size();
        records_.examine(keys.digests);
        records_.examine_ids(keys.ids);
        indexes_.examine_channels(keys.channels);
        indexes_.examine_users(keys.users);
        for (const std::string& owner : keys.owners) {
            indexes_.examine_owner(owner);
        }
        for (const std::string& maker : keys.makers) {
            indexes_.examine_maker(maker);
        }
        for (const std::string& name : keys.strange) {
            faults_.add(FaultKind::strange_key, patient_.key(name), "");
        }
    }

    const Patient& patient_;
    Progress progress_;
    Faults faults_;
    StoreReader reader_;
    RecordExam records_;
    IndexExam indexes_;
    std::uint64_t found_ = 0;
    std::uint64_t channels_ = 0;
    std::uint64_t users_ = 0;
};

} // namespace

void examine_store(const Patient& patient, Store& store, bool repair,
                   const Actor& actor)
{
    const Interrupt interrupt;
    StoreExam exam(patient, store, repair, actor.now);
    try {
        exam.run();
    } catch (...) {
        exam.faults().write_audit(actor);
        throw;
    }
    exam.faults().write_audit(actor);
    exam.report();
    exam.faults().report(patient.findings);
}

} // namespace psm::cli
