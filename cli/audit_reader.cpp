// SPDX-License-Identifier: BSD-2-Clause

#include "audit_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace psm::cli {

namespace {

constexpr std::size_t batch = 500;

/// An entry's id is "<milliseconds>-<number>".
std::pair<std::uint64_t, std::uint64_t> place_of(const AuditEntry& entry)
{
    const std::string& id = entry.id;
    const std::size_t dash = std::min(id.find('-'), id.size() - 1);
    std::pair<std::uint64_t, std::uint64_t> place{0, 0};
    std::from_chars(id.data(), id.data() + dash, place.first);
    std::from_chars(id.data() + dash + 1, id.data() + id.size(), place.second);
    return place;
}

/// What stands right before the first entry that is wanted.
std::string before(std::int64_t since)
{
    return since <= 0
               ? ""
               : std::to_string(since * 1000 - 1) + "-18446744073709551615";
}

} // namespace

AuditReader::AuditReader(const std::vector<Stream>& streams, std::int64_t since)
{
    for (const Stream stream : streams) {
        sources_.push_back({.stream = stream, .after = before(since)});
    }
}

std::vector<AuditEntry> AuditReader::next(Store& store)
{
    for (Source& source : sources_) {
        if (!source.waiting.empty()) {
            continue;
        }
        auto entries = run_now(store.audit(source.stream, source.after, batch));
        source.more = entries.size() == batch;
        if (!entries.empty()) {
            source.after = entries.back().id;
        }
        std::ranges::move(entries, std::back_inserter(source.waiting));
    }
    std::vector<AuditEntry> entries;
    // Behind the last one that was read of a stream which has more, nothing
    // of the others is due yet.
    while (true) {
        Source* first = nullptr;
        for (Source& source : sources_) {
            if (source.waiting.empty() && source.more) {
                return entries;
            }
            if (!source.waiting.empty() &&
                (first == nullptr || place_of(source.waiting.front()) <
                                         place_of(first->waiting.front()))) {
                first = &source;
            }
        }
        if (first == nullptr) {
            return entries;
        }
        entries.push_back(std::move(first->waiting.front()));
        first->waiting.pop_front();
    }
}

} // namespace psm::cli
