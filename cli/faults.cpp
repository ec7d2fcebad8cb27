// SPDX-License-Identifier: BSD-2-Clause

#include "faults.hpp"

#include "output.hpp"
#include "redis_client.hpp"

#include "../lib/quote.hpp"
#include "../lib/store.hpp"

#include <nlohmann/json.hpp>

namespace psm::cli {

namespace {

constexpr std::size_t max_examples = 5;

struct KindRow {
    Verdict verdict;
    std::string_view check;
    bool can_be_mended;
};

// In the order of FaultKind. What has run out leaves its index entries behind
// in the course of things: that is no problem.
constexpr std::array<KindRow, fault_kinds> kinds{{
    {Verdict::problem, "keys of a wrong type", false},
    {Verdict::problem, "token records that break the rules", false},
    {Verdict::problem, "tokens without an id", true},
    {Verdict::problem, "tokens with another's id", true},
    {Verdict::problem, "ids that lead nowhere", true},
    {Verdict::problem, "index entries that are missing", true},
    {Verdict::problem, "index entries that are wrong", true},
    {Verdict::note, "index entries of tokens that ran out", true},
    {Verdict::problem, "channel records that break the rules", false},
    {Verdict::problem, "channels that are not listed", true},
    {Verdict::problem, "listed channels without a record", true},
    {Verdict::problem, "user records that break the rules", false},
    {Verdict::problem, "users who are not listed", true},
    {Verdict::problem, "listed users without a record", true},
    {Verdict::note, "last uses of tokens that ran out", true},
    {Verdict::note, "keys that are not ours", false},
}};

} // namespace

Faults::Faults(Store& store, bool repair, std::function<void()> before_saying)
    : store_(store), repair_(repair), before_saying_(std::move(before_saying))
{
}

Faults::Count& Faults::count(FaultKind kind, const std::string& subject,
                             const std::string& what)
{
    Count& count = counts_[static_cast<std::size_t>(kind)];
    count.found++;
    if (count.examples.size() < max_examples) {
        count.examples.push_back(subject + (what.empty() ? "" : ": " + what));
    }
    return count;
}

void Faults::add(FaultKind kind, const std::string& subject,
                 const std::string& what)
{
    count(kind, subject, what);
}

void Faults::add(FaultKind kind, const std::string& subject,
                 const std::string& what, Transaction mending,
                 const std::string& done)
{
    Count& counted = count(kind, subject, what);
    if (!repair_) {
        return;
    }
    std::string result = "mended: " + done;
    try {
        if (run_now(store_.commit(std::move(mending)))) {
            counted.mended++;
        } else {
            result = "left alone, since it was changed meanwhile";
        }
    } catch (const RedisFailure& failure) {
        if (!failure.refused()) {
            throw;
        }
        result = failure.what();
    }
    before_saying_();
    complain(escape(subject) + ": " + escape(what) + ": " + result);
}

std::uint64_t Faults::mended() const noexcept
{
    std::uint64_t sum = 0;
    for (const Count& count : counts_) {
        sum += count.mended;
    }
    return sum;
}

void Faults::write_audit(const Actor& actor)
{
    if (mended() == 0) {
        return;
    }
    nlohmann::ordered_json after;
    for (std::size_t i = 0; i < fault_kinds; i++) {
        if (counts_[i].mended > 0) {
            after[std::string(kinds[i].check)] = counts_[i].mended;
        }
    }
    Transaction entry;
    entry.append(
        store_.key("", "audit"), audit_length,
        audit_fields({.what = "repair", .id = {}, .after = after.dump()},
                     actor));
    run_now(store_.commit(std::move(entry)));
}

void Faults::report(Findings& findings) const
{
    for (std::size_t i = 0; i < fault_kinds; i++) {
        const Count& count = counts_[i];
        const KindRow& row = kinds[i];
        if (count.found == 0) {
            continue;
        }
        if (count.mended == count.found) {
            findings.add(Verdict::note, "records", row.check,
                         std::to_string(count.found) + ", all mended");
            continue;
        }
        std::string says = std::to_string(count.found) + ": ";
        for (const std::string& example : count.examples) {
            says += (&example == &count.examples.front() ? "" : "; ") + example;
        }
        says += count.found > count.examples.size() ? "; ..." : "";
        says += count.mended > 0
                    ? ". " + std::to_string(count.mended) + " were mended"
                : row.can_be_mended && !repair_ ? ". --repair mends this"
                                                : "";
        findings.add(row.verdict, "records", row.check, says);
    }
}

} // namespace psm::cli
