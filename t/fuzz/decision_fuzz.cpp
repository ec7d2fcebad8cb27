// SPDX-License-Identifier: BSD-2-Clause
//
// The decision against the reference model of the unit tests, which is
// written from design.md section 3. Input: bytes that each pick from a table:
// the question, the privacy, the time, then the token's kind and grants.
//
// The same case is then moved: what a request may do never shrinks when it
// gets another scope, a more open channel, more time or a lower demand.

#include "fuzz.hpp"

#include "../../lib/policy.hpp"
#include "../unit/policy_reference.hpp"

#include <array>
#include <set>

namespace {

using fuzz::hold;
using psm::ChannelPrivacy;
using psm::Standing;
using reference::Ask;
using reference::Who;
using reference::Word;

constexpr std::array<Word, 12> methods{"GET",   "HEAD",   "POST", "PUT",
                                       "PATCH", "DELETE", "COPY", "OPTIONS",
                                       "MKCOL", "get",    "",     "GETS"};
constexpr std::array<Word, 3> kinds{"file", "index", "unknown"};
constexpr std::array<Word, 4> levels{"read", "write", "manage", "none"};
constexpr std::array<Word, 8> segments{"main", "dev", "main2", "lab",
                                       "Main", "de",  "m",     "main.dev"};
constexpr std::array<Word, 4> made_up{"made:up", "artifact:", "channel",
                                      "artifact:Edit"};

struct PrivacyRow {
    Word word;
    ChannelPrivacy privacy;
};

/// From the most open one on; the last is none.
constexpr std::array<PrivacyRow, 4> privacies{{
    {"public", ChannelPrivacy::open},
    {"authenticated", ChannelPrivacy::authenticated},
    {"private", ChannelPrivacy::closed},
    {"unavailable", ChannelPrivacy::unavailable},
}};

constexpr std::int64_t now = 1790000000;
constexpr std::array<std::int64_t, 6> expiries{
    psm::never_expires, now + 1, now, now - 1, 0, psm::max_time};

/// A case; it owns the texts that the two forms of it look at.
struct Case {
    Ask ask;
    Who who;
    PrivacyRow privacy;
    std::set<std::string> texts;

    Word keep(const std::string& text) { return *texts.insert(text).first; }
};

std::string channel_of(fuzz::Input& input)
{
    std::string path;
    for (auto left = 1 + input.pick(4); left > 0; left--) {
        path += (path.empty() ? "" : "/") + std::string(input.of(segments));
    }
    return path;
}

Word scope_of(fuzz::Input& input)
{
    const auto& page = reference::page();
    const auto at = input.pick(page.size() + made_up.size());
    return at < page.size() ? page[at].first : made_up[at - page.size()];
}

Word requirement_of(fuzz::Input& input)
{
    static constexpr std::array<Word, 6> words{"auto",  "auto",   "read",
                                               "write", "manage", ""};
    const auto at = input.pick(words.size() + 3);
    return at < words.size() ? words[at] : scope_of(input);
}

Ask read_ask(fuzz::Input& input, Case& c)
{
    Ask ask;
    ask.method = input.of(methods);
    ask.kind = input.of(kinds);
    ask.require = requirement_of(input);
    ask.scope_levels = input.flag();
    if (input.pick(8) != 7) {
        ask.channel = c.keep(channel_of(input));
    }
    return ask;
}

/// No grant, scope or channel twice: such a record is refused when read.
Who read_who(fuzz::Input& input, Case& c)
{
    Who who;
    const auto type = input.pick(5);
    if (type == 4) {
        return who;
    }
    who.type = type % 2 == 0 ? "resource" : "scope";
    who.disabled = input.pick(8) == 7;
    who.expires = input.of(expiries);
    std::set<std::string> paths;
    for (auto left = input.pick(8); left > 0; left--) {
        const auto path = channel_of(input);
        const auto level = levels[input.pick(3)];
        if (!paths.insert(path).second) {
            continue;
        }
        if (who.type == "resource") {
            who.resources.emplace_back(c.keep(path), level);
        } else {
            who.channels.push_back(c.keep(path));
        }
    }
    if (who.type == "scope") {
        for (auto left = 1 + input.pick(8); left > 0; left--) {
            const auto scope = scope_of(input);
            if (std::ranges::count(who.scopes, scope) == 0) {
                who.scopes.push_back(scope);
            }
        }
    }
    return who;
}

std::string packed(const Who& who)
{
    psm::TokenRecord record;
    record.kind =
        who.type == "scope" ? psm::TokenKind::scope : psm::TokenKind::resource;
    for (const auto& [path, level] : who.resources) {
        record.resources[std::string(path)] = *psm::find_level(level);
    }
    record.scopes.assign(who.scopes.begin(), who.scopes.end());
    record.channels.assign(who.channels.begin(), who.channels.end());
    record.disabled = who.disabled;
    record.expires = who.expires;
    return psm::pack(record);
}

psm::Question question_of(const Ask& ask)
{
    const auto kind = ask.kind == "file"    ? psm::TargetKind::file
                      : ask.kind == "index" ? psm::TargetKind::index
                                            : psm::TargetKind::unknown;
    return {psm::find_method(ask.method),
            {kind, ask.channel},
            psm::parse_requirement(ask.require),
            ask.scope_levels};
}

std::string described(const Case& c)
{
    std::string text;
    for (const Word word : {c.ask.method, c.ask.kind, c.ask.channel,
                            c.ask.require, c.privacy.word, c.who.type}) {
        text += std::string(word) + " | ";
    }
    for (const auto& [path, level] : c.who.resources) {
        text += std::string(path) + "=" + std::string(level) + " ";
    }
    for (const auto& words : {c.who.scopes, c.who.channels}) {
        for (const Word word : words) {
            text += std::string(word) + " ";
        }
        text += "| ";
    }
    return text + "expires " + std::to_string(c.who.expires) +
           (c.who.disabled ? " disabled" : "") +
           (c.ask.scope_levels ? " by level" : "");
}

/// The library's answer, compared with the model's.
bool allowed(const Case& c)
{
    const auto bytes = c.who.type.empty() ? std::string() : packed(c.who);
    const psm::Holder holder{c.who.type.empty() ? Standing::anonymous
                                                : Standing::known,
                             psm::Identity(bytes)};
    const auto question = question_of(c.ask);
    const auto actual = psm::decide(question, holder, c.privacy.privacy, now);
    const auto expected = reference::decide(c.ask, c.who, c.privacy.word, now);

    const auto about = described(c);
    const auto& row = psm::info(actual.reason);
    fuzz::same(row.code, expected.code, "the model's answer", {about});
    if (!c.who.type.empty()) {
        fuzz::same(psm::level_name(actual.held), expected.held,
                   "the level held", {about});
        fuzz::same(actual.grant, expected.grant, "the grant", {about});
    }
    hold(actual.allow() == (row.code == "granted" || row.code == "public"),
         "what lets pass", {about});
    hold(row.status == 200 || row.status == 401 || row.status == 403 ||
             row.status == 503,
         "a status of the table", {about});
    if (!psm::is_public_read(question)) {
        const auto closed =
            psm::decide(question, holder, ChannelPrivacy::closed, now);
        hold(closed.reason == actual.reason, "privacy concerns reads only",
             {about});
    }
    return actual.allow();
}

/// A case that asks no more of a token that holds no less.
void expect_no_less(bool before, const Case& easier, Word what)
{
    hold(!before || allowed(easier), what, {described(easier)});
}

void check_moves(const Case& c, fuzz::Input& input, bool before)
{
    Case easier = c;
    easier.privacy = privacies[0];
    expect_no_less(before, easier, "an open channel takes nothing away");
    easier = c;
    easier.who.expires = psm::never_expires;
    expect_no_less(before, easier, "a longer life takes nothing away");
    easier = c;
    easier.ask.scope_levels = true;
    expect_no_less(before, easier, "levels take nothing away");

    easier = c;
    const auto scope = scope_of(input);
    if (std::ranges::count(c.who.scopes, scope) == 0 && c.who.type == "scope") {
        easier.who.scopes.push_back(scope);
        expect_no_less(before, easier, "a scope takes nothing away");
        easier.who.channels.clear();
        expect_no_less(before, easier, "a wider reach takes nothing away");
    }
    if (c.ask.method == "GET") {
        easier = c;
        easier.ask.method = "HEAD";
        hold(allowed(easier) == before, "HEAD decides as GET", {described(c)});
    }
    for (auto& grant : easier.who.resources) {
        grant.second = "manage";
    }
    expect_no_less(before, easier, "a higher level takes nothing away");
}

/// Who got no further than this has one answer, whatever else there is.
void check_standings(const Case& c)
{
    static constexpr std::array<std::pair<Standing, Word>, 6> rows{{
        {Standing::ambiguous, "token_ambiguous"},
        {Standing::masked, "token_masked"},
        {Standing::malformed, "token_malformed"},
        {Standing::unavailable, "store_unavailable"},
        {Standing::unknown, "token_unknown"},
        {Standing::invalid, "record_invalid"},
    }};
    const auto bytes = packed(c.who);
    for (const auto& [standing, code] : rows) {
        const auto decision =
            psm::decide(question_of(c.ask), {standing, psm::Identity(bytes)},
                        c.privacy.privacy, now);
        fuzz::same(psm::info(decision.reason).code, code,
                   "a token that is none has one answer", {described(c)});
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    Case c;
    c.privacy = input.of(privacies);
    c.ask = read_ask(input, c);
    c.who = read_who(input, c);
    const bool before = allowed(c);
    check_moves(c, input, before);
    check_standings(c);
    return 0;
}
