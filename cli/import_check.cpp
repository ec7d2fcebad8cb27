// SPDX-License-Identifier: BSD-2-Clause

#include "import_check.hpp"

#include "command.hpp"

#include "../lib/digest.hpp"
#include "../lib/text.hpp"

#include <algorithm>
#include <cstring>

namespace psm::cli {

namespace {

constexpr std::size_t batch = 500;

TokenDigest hash(std::string_view text)
{
    thread_local Hasher hasher;
    TokenDigest digest;
    if (!hasher.digest(text, digest)) {
        throw Failure(cannot_tell, "OpenSSL cannot compute SHA-256");
    }
    return digest;
}

/// The string is not needed any more.
void digest_token(ImportLine& line)
{
    if (!line.token.empty()) {
        const auto hex = hash(line.token).hex();
        line.digest.assign(hex.data(), hex.size());
        wipe(line.token);
        line.token.clear();
    }
}

StoredToken stored(const std::string& digest, const std::string& json)
{
    StoredToken token{
        .digest = digest, .json = json, .record = {}, .problem = {}};
    token.problem = decode_token_record(token.json, token.record);
    return token;
}

std::string join(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

} // namespace

ImportCheck::ImportCheck(Store& store, ImportRules rules, ImportSpool& spool,
                         BadLine bad)
    : store_(store), bound_(store), rules_(std::move(rules)), spool_(spool),
      bad_(std::move(bad))
{
}

void ImportCheck::refuse(std::uint64_t number, const FieldProblem& problem)
{
    counts_.bad++;
    bad_(number, problem);
}

void ImportCheck::add(std::uint64_t number, std::string_view text)
{
    counts_.lines++;
    rules_.line = number;
    Candidate candidate{.number = number};
    const FieldProblems problems =
        read_import_line(text, rules_, candidate.line);
    if (problems.empty()) {
        digest_token(candidate.line);
        candidates_.push_back(std::move(candidate));
    } else {
        wipe(candidate.line.token);
        counts_.bad++;
        for (const FieldProblem& problem : problems) {
            bad_(number, problem);
        }
    }
    if (candidates_.size() == batch) {
        look_up();
    }
}

std::vector<std::string>
ImportCheck::get_all(std::string_view kind,
                     const std::vector<std::string>& names)
{
    std::vector<std::string> words{"MGET"};
    for (const std::string& name : names) {
        words.push_back(store_.key(kind, name));
    }
    const RedisValue reply = run_now(store_.ask(std::move(words)));
    std::vector<std::string> values(names.size());
    for (std::size_t i = 0; i < std::min(values.size(), reply.elements.size());
         i++) {
        values[i] = reply.elements[i].text;
    }
    return values;
}

void ImportCheck::look_up()
{
    if (candidates_.empty()) {
        return;
    }
    std::vector<std::string> ids;
    std::vector<std::string> digests;
    for (const Candidate& candidate : candidates_) {
        ids.push_back(candidate.line.record.id);
        digests.push_back(candidate.line.digest);
    }
    const auto leads_to = get_all("i:", ids);
    const auto by_digest = get_all("t:", digests);
    const auto by_id = get_all("t:", leads_to);
    for (std::size_t i = 0; i < candidates_.size(); i++) {
        settle(candidates_[i], leads_to[i], by_digest[i], by_id[i]);
    }
    candidates_.clear();
}

/// Nothing is stored under its digest.
void ImportCheck::settle_fresh(const Candidate& candidate,
                               const std::string& leads_to)
{
    const ImportLine& line = candidate.line;
    if (!leads_to.empty() && !line.reissued) {
        refuse(candidate.number,
               {.field = "id",
                .why = "is that of another token, which is there already"});
        return;
    }
    const FieldProblems beyond = bound_.problems(line.record);
    if (!beyond.empty()) {
        refuse(candidate.number, beyond.front());
        return;
    }
    const auto has = [&line](const char* member) {
        return line.members.contains(member);
    };
    counts_.fresh++;
    counts_.unnamed += line.digest.empty() ? 1U : 0U;
    counts_.ownerless += has("owner") || has("service_account") ? 0U : 1U;
    counts_.endless += has("expires_at") ? 0U : 1U;
    mark(candidate);
    spool_.add(candidate.number, line);
}

/// `leads_to`: where its id does; `by_digest`, `by_id`: the records there.
void ImportCheck::settle(Candidate& candidate, const std::string& leads_to,
                         const std::string& by_digest, const std::string& by_id)
{
    ImportLine& line = candidate.line;
    const bool named = !line.digest.empty();
    const std::string& found = named ? by_digest : by_id;
    if (found.empty()) {
        settle_fresh(candidate, leads_to);
        return;
    }
    const StoredToken token = stored(named ? line.digest : leads_to, found);
    if (token.problem) {
        refuse(candidate.number,
               {.field = named ? "digest" : "id",
                .why = "has a record already, which is not valid: " +
                       *token.problem});
        return;
    }
    const auto differing = differences(line, token);
    if (differing.empty()) {
        counts_.there++;
        mark(candidate);
    } else {
        refuse(candidate.number,
               {.field = "",
                .why = "is there already, as token " + token.record.id +
                       ", which differs in " + join(differing) +
                       ": edit or delete that one, or take the line out"});
    }
}

ImportCheck::Mark ImportCheck::mark_of(const std::string& text,
                                       std::uint64_t number)
{
    Mark mark{.number = number};
    const TokenDigest digest = hash(text);
    static_assert(sizeof mark.bits <= sizeof digest.bytes);
    std::memcpy(mark.bits.data(), digest.bytes.data(), sizeof mark.bits);
    return mark;
}

bool ImportCheck::is_before(const Mark& a, const Mark& b) noexcept
{
    if (a.bits[0] != b.bits[0]) {
        return a.bits[0] < b.bits[0];
    }
    return a.bits[1] != b.bits[1] ? a.bits[1] < b.bits[1] : a.number < b.number;
}

void ImportCheck::mark(const Candidate& candidate)
{
    const ImportLine& line = candidate.line;
    if (!line.reissued && line.members.contains("id")) {
        ids_.push_back(mark_of(line.record.id, candidate.number));
    }
    if (!line.digest.empty()) {
        digests_.push_back(mark_of(line.digest, candidate.number));
    }
}

void ImportCheck::find_twice(std::vector<Mark>& marks, const char* field)
{
    std::ranges::sort(marks, is_before);
    for (std::size_t i = 1; i < marks.size(); i++) {
        const Mark& before = marks[i - 1];
        if (marks[i].bits == before.bits &&
            dropped_.insert(marks[i].number).second) {
            refuse(marks[i].number,
                   {.field = field,
                    .why = "is that of line " + std::to_string(before.number) +
                           ", too"});
        }
    }
}

void ImportCheck::finish()
{
    look_up();
    find_twice(digests_, "digest");
    find_twice(ids_, "id");
}

} // namespace psm::cli
