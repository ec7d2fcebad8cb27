// SPDX-License-Identifier: BSD-2-Clause
//
// Every scope, level and kind of token against every method, target, privacy
// and requirement: decide() must say what the reference model says.

#include "check.hpp"
#include "policy_reference.hpp"

#include "../../lib/policy.hpp"

#include <array>
#include <map>
#include <string>

namespace {

using reference::Ask;
using reference::Who;
using reference::Word;
using reference::Words;

constexpr std::int64_t now = 1790000000;

constexpr std::array<Word, 7> methods{"GET",   "HEAD",   "POST",   "PUT",
                                      "PATCH", "DELETE", "OPTIONS"};

constexpr std::array<std::pair<Word, psm::ChannelPrivacy>, 4> privacies{{
    {"public", psm::ChannelPrivacy::open},
    {"authenticated", psm::ChannelPrivacy::authenticated},
    {"private", psm::ChannelPrivacy::closed},
    {"unavailable", psm::ChannelPrivacy::unavailable},
}};

struct TargetRow {
    Word kind;
    psm::Target target;
};

constexpr std::array<TargetRow, 6> targets{{
    {"unknown", {psm::TargetKind::unknown, ""}},
    {"unknown", {psm::TargetKind::unknown, "main"}},
    {"index", {psm::TargetKind::index, "main"}},
    {"file", {psm::TargetKind::file, "main"}},
    {"index", {psm::TargetKind::index, "main/dev"}},
    {"file", {psm::TargetKind::file, "main/dev"}},
}};

Words requirements()
{
    Words all{"auto", "read", "write", "manage", ""};
    for (const auto& row : reference::page()) {
        all.push_back(row.first);
    }
    return all;
}

psm::TokenRecord record_of(const Who& who)
{
    psm::TokenRecord record;
    record.id = "id";
    record.name = "name";
    record.owner = "owner";
    record.kind =
        who.type == "scope" ? psm::TokenKind::scope : psm::TokenKind::resource;
    for (const auto& [path, level] : who.resources) {
        record.resources[std::string(path)] = *psm::find_level(level);
    }
    record.scopes.assign(who.scopes.begin(), who.scopes.end());
    record.channels.assign(who.channels.begin(), who.channels.end());
    record.disabled = who.disabled;
    record.expires = who.expires;
    return record;
}

std::string label_of(const Ask& ask, const Who& who, Word privacy)
{
    std::string label;
    for (const Word word :
         {ask.method, ask.kind, ask.channel, ask.require, privacy, who.type}) {
        label += word;
        label += '|';
    }
    for (const auto& [path, level] : who.resources) {
        label += std::string(path) + "=" + std::string(level) + " ";
    }
    for (const Word scope : who.scopes) {
        label += std::string(scope) + " ";
    }
    return label + (ask.scope_levels ? "by level" : "");
}

/// How often each reason was the answer, over all that was compared.
using Tally = std::map<std::string_view, std::size_t>;

void compare(const Ask& ask, const psm::Question& question, const Who& who,
             const psm::Holder& holder, Tally& tally)
{
    for (const auto& [word, privacy] : privacies) {
        const psm::Decision actual =
            psm::decide(question, holder, privacy, now);
        const reference::Answer expected =
            reference::decide(ask, who, word, now);
        const std::string_view code = psm::info(actual.reason).code;
        const std::string_view held = psm::level_name(actual.held);
        if (code != expected.code || held != expected.held ||
            actual.grant != expected.grant) {
            const std::string label = label_of(ask, who, word);
            check_same(label, code, expected.code);
            check_same(label, held, expected.held);
            check_same(label, actual.grant, expected.grant);
        }
        tally[code]++;
    }
}

void compare_all(const Who& who, Tally& tally)
{
    const std::string bytes = who.type.empty() ? "" : psm::pack(record_of(who));
    const psm::Holder holder{who.type.empty() ? psm::Standing::anonymous
                                              : psm::Standing::known,
                             psm::Identity(bytes)};
    for (const Word require : requirements()) {
        const psm::Requirement requirement = psm::parse_requirement(require);
        for (const Word method : methods) {
            for (const TargetRow& row : targets) {
                for (const bool levels : {false, true}) {
                    compare(
                        {method, row.kind, row.target.channel, require, levels},
                        {psm::find_method(method), row.target, requirement,
                         levels},
                        who, holder, tally);
                }
            }
        }
    }
}

void check_answers(const Tally& tally, const Words& codes)
{
    for (const Word code : codes) {
        check_that(code, tally.contains(code));
    }
    check_equal("different answers", tally.size(), codes.size());
}

void every_scope_decides_as_the_contract_says(void** /*state*/)
{
    Tally tally;
    for (const auto& row : reference::page()) {
        compare_all({.type = "scope", .scopes = {row.first}}, tally);
        compare_all({.type = "scope",
                     .scopes = {row.first},
                     .channels = {"lab", "main/dev"}},
                    tally);
    }
    check_answers(tally, {"store_unavailable", "action_unknown", "granted",
                          "public", "channel_not_granted", "scope_missing"});
}

void sets_of_scopes_decide_as_the_contract_says(void** /*state*/)
{
    Tally tally;
    compare_all({.type = "scope", .scopes = {"made:up"}}, tally);
    compare_all({.type = "scope",
                 .scopes = {"artifact:download", "channel:view-artifacts"}},
                tally);
    compare_all({.type = "scope",
                 .scopes = {"artifact:create", "user.token:edit", "made:up"},
                 .channels = {"main"}},
                tally);
    Words all;
    for (const auto& row : reference::page()) {
        all.push_back(row.first);
    }
    compare_all({.type = "scope", .scopes = all}, tally);
    check_answers(tally, {"store_unavailable", "action_unknown", "granted",
                          "public", "channel_not_granted", "scope_missing"});
}

void every_grant_decides_as_the_contract_says(void** /*state*/)
{
    using Resources = std::vector<std::pair<Word, Word>>;
    const std::vector<Resources> grants{
        {{"main", "read"}},
        {{"main", "write"}},
        {{"main", "manage"}},
        {{"main/dev", "read"}},
        {{"main/dev", "manage"}},
        {{"main", "write"}, {"main/dev", "read"}},
        {{"main", "read"}, {"main/dev", "manage"}},
        {{"main2", "manage"}, {"main/dev2", "manage"}, {"lab", "write"}},
        {{"main/dev/deep", "manage"}},
    };
    Tally tally;
    for (const Resources& resources : grants) {
        compare_all({.type = "resource", .resources = resources}, tally);
    }
    check_answers(tally,
                  {"store_unavailable", "action_unknown", "granted", "public",
                   "channel_not_granted", "scope_missing", "level_too_low"});
}

void no_token_decides_as_the_contract_says(void** /*state*/)
{
    Tally tally;
    compare_all({}, tally);
    check_answers(tally, {"store_unavailable", "public", "token_missing"});
}

void dead_tokens_decide_as_the_contract_says(void** /*state*/)
{
    Tally tally;
    Who who{.type = "resource", .resources = {{"main", "manage"}}};
    who.expires = now;
    compare_all(who, tally);
    who.disabled = true;
    compare_all(who, tally);
    check_answers(tally, {"token_disabled", "token_expired"});
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_scope_decides_as_the_contract_says),
        cmocka_unit_test(sets_of_scopes_decide_as_the_contract_says),
        cmocka_unit_test(every_grant_decides_as_the_contract_says),
        cmocka_unit_test(no_token_decides_as_the_contract_says),
        cmocka_unit_test(dead_tokens_decide_as_the_contract_says),
    };
    return cmocka_run_group_tests_name("policy_table", tests, nullptr, nullptr);
}
