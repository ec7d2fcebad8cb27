// SPDX-License-Identifier: BSD-2-Clause
//
// Bodies of the API (T107, T118). Input: the bytes of a body, read for a new
// token and for an edit.
//
// Any bytes are accepted or refused, in words that are few, short, steer no
// terminal and show no token. What is accepted says the same to an independent
// reading of the JSON, has no member twice at any depth, makes a valid record
// or says why not, and stands no further member.

#include "fuzz.hpp"

#include "../../lib/channel.hpp"
#include "../../lib/clock_text.hpp"
#include "../../lib/mask.hpp"
#include "../../lib/quote.hpp"
#include "../../lib/token_draft.hpp"
#include "../../lib/token_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <vector>

namespace {

using fuzz::hold;
using fuzz::same;
using nlohmann::json;
using psm::DraftKind;
using psm::FieldProblems;
using psm::TokenDraft;
using psm::TokenRecord;

constexpr std::int64_t now = 1790000000;
constexpr std::size_t max_problems = 22;

void check_words(const FieldProblems& problems, std::string_view body)
{
    hold(problems.size() <= max_problems, "few problems", {body});
    for (const psm::FieldProblem& problem : problems) {
        const std::string line = problem.field + " " + problem.why;
        same(psm::escape(line), line, "words that steer no terminal", {body});
        hold(!psm::has_token_text(line), "words without a token", {body, line});
        hold(!problem.why.empty() && problem.why.size() < 500,
             "words that are short", {body, line});
        hold(problem.field.size() < 4000, "a path that is short", {body});
    }
}

bool is_about_depth(const psm::FieldProblem& problem)
{
    return problem.field.empty() &&
           problem.why.starts_with("is nested deeper than 8");
}

/// Keys that stand twice, and depth, found by a parser that builds nothing.
class Repeats : public nlohmann::json_sax<json> {
public:
    bool found = false;
    std::size_t deepest = 0;

    bool null() override { return true; }

    bool boolean(bool) override { return true; }

    bool number_integer(number_integer_t) override { return true; }

    bool number_unsigned(number_unsigned_t) override { return true; }

    bool number_float(number_float_t, const string_t&) override { return true; }

    bool string(string_t&) override { return true; }

    bool binary(binary_t&) override { return true; }

    bool start_object(std::size_t) override { return open(); }

    bool end_object() override { return close(); }

    bool start_array(std::size_t) override { return open(); }

    bool end_array() override { return close(); }

    bool key(string_t& name) override
    {
        found = found || !keys_.back().insert(name).second;
        return true;
    }

    bool parse_error(std::size_t, const std::string&,
                     const nlohmann::detail::exception&) override
    {
        return false;
    }

private:
    bool open()
    {
        keys_.emplace_back();
        deepest = std::max(deepest, keys_.size());
        return true;
    }

    bool close()
    {
        keys_.pop_back();
        return true;
    }

    std::vector<std::set<std::string>> keys_;
};

void check_grants(const json& tree, const TokenDraft& draft,
                  std::string_view body)
{
    const auto given = [&tree](const char* name) {
        return tree.contains(name) && !tree.at(name).is_null() &&
               !tree.at(name).empty();
    };
    hold(given("resources") == draft.resources.has_value(), "resources",
         {body});
    hold(given("scopes") == draft.scopes.has_value(), "scopes", {body});
    hold(!(draft.resources && (draft.scopes || draft.channels)), "one kind",
         {body});
    hold(draft.channels ? tree.contains("channels") : !given("channels"),
         "channels", {body});
    if (draft.resources) {
        hold(draft.resources->size() == tree.at("resources").size() &&
                 draft.resources->size() <= psm::max_resources,
             "all resources, and no more than may be", {body});
        for (const json& entry : tree.at("resources")) {
            const auto channel = entry.at("channel").get<std::string>();
            hold(psm::is_channel_path(channel) && entry.size() == 2,
                 "a resource", {body});
            same(psm::level_name(draft.resources->at(channel)),
                 entry.at("permission").get<std::string>(), "its level",
                 {body});
        }
    }
    if (draft.scopes) {
        hold(tree.at("scopes") == json(*draft.scopes), "all scopes", {body});
    }
    if (draft.channels) {
        hold(tree.at("channels") == json(*draft.channels), "all channels",
             {body});
    }
}

void check_against_tree(const json& tree, const TokenDraft& draft,
                        std::string_view body)
{
    const auto check_text = [&](const char* name,
                                const std::optional<std::string>& text) {
        hold(tree.contains(name) == text.has_value(), name, {body});
        if (text) {
            same(*text, tree.at(name).get<std::string>(), name, {body});
        }
    };
    check_text("name", draft.name);
    check_text("owner", draft.owner);
    check_text("description", draft.description);
    check_text("service_account", draft.service_account);
    check_grants(tree, draft, body);

    hold(tree.contains("expires_at") == draft.expires.has_value(), "an expiry",
         {body});
    if (draft.expires) {
        const json& value = tree.at("expires_at");
        hold(value.is_null()
                 ? *draft.expires == psm::never_expires
                 : psm::parse_time(value.get<std::string>()) == draft.expires &&
                       *draft.expires > now,
             "the expiry", {body});
    }
    hold(tree.value("reissue", false) == draft.reissue, "re-issue", {body});
    hold(tree.contains("overlap") == draft.overlap.has_value() &&
             (!draft.overlap || (tree.at("overlap") == *draft.overlap &&
                                 *draft.overlap <= psm::max_overlap)),
         "overlap", {body});
    std::set<std::string> known{
        "name",     "owner",   "service_account", "resources",   "scopes",
        "channels", "reissue", "overlap",         "description", "expires_at"};
    for (const auto& [key, value] : tree.items()) {
        hold(known.contains(key), "no other member", {body, key});
    }
}

/// What a good body stands no more.
void check_strictness(std::string_view body, DraftKind kind)
{
    const std::string open(body.substr(0, body.find_last_of('}')));
    const char* const comma = open.find('"') == std::string::npos ? "" : ",";
    for (const char* const member :
         {"\"zz-fuzz\":1", "\"admin\":true", "\"id\":\"a\"",
          "\"name\":\"n\",\"name\":\"n\""}) {
        TokenDraft draft;
        const std::string more = open + comma + member + "}";
        hold(!psm::read_draft(more, kind, now, draft).empty() && draft.empty(),
             "no further member", {body, member});
    }
    TokenDraft draft;
    hold(!psm::read_draft(open, kind, now, draft).empty(), "no brace, no body",
         {body});
}

TokenRecord record_before(DraftKind kind, bool by_scopes)
{
    TokenRecord record;
    record.id = "a-1";
    record.name = "before";
    record.owner = "alice";
    record.created = now;
    if (kind == DraftKind::create) {
        return record;
    }
    record.kind = by_scopes ? psm::TokenKind::scope : psm::TokenKind::resource;
    if (by_scopes) {
        record.scopes = {"not:ours"};
        record.channels = {"main"};
    } else {
        record.resources = {{"main", psm::Level::read}};
    }
    return record;
}

void check_applied(const TokenDraft& draft, DraftKind kind, bool by_scopes,
                   std::string_view body)
{
    const TokenRecord before = record_before(kind, by_scopes);
    TokenRecord after;
    const FieldProblems problems = psm::apply_draft(draft, before, after);
    check_words(problems, body);
    if (!problems.empty()) {
        hold(after.id.empty(), "no half of a record", {body});
        return;
    }
    const auto written = psm::encode_token_record(after);
    TokenRecord again;
    same(psm::decode_token_record(written, again).value_or(""), "",
         "a valid record", {body, written});
    hold(written.size() <= psm::max_record_size, "within the size", {body});
    same(after.id, before.id, "the id stays", {body});
    const bool edits = kind == DraftKind::edit;
    hold(after.rev == (edits ? 2 : 1), "rev counts edits", {body});
    hold(!edits || after.kind == before.kind, "the kind stays", {body});
    hold(!edits || after.owner == before.owner, "the owner stays", {body});
    same(after.name, draft.name.value_or(before.name), "the name", {body});
    hold(after.resources == draft.resources.value_or(before.resources) &&
             after.scopes == draft.scopes.value_or(before.scopes) &&
             after.channels == draft.channels.value_or(before.channels),
         "what was asked for, or what was there", {body, written});
}

void check_body(std::string_view body, DraftKind kind)
{
    TokenDraft draft;
    const FieldProblems problems = psm::read_draft(body, kind, now, draft);
    check_words(problems, body);
    Repeats repeats;
    const bool is_json = json::sax_parse(body, &repeats);
    if (is_json && repeats.deepest > 8 && body.size() <= psm::max_record_size) {
        hold(std::ranges::any_of(problems, is_about_depth),
             "too deep, and told so", {body});
    }
    if (!problems.empty()) {
        hold(draft.empty(), "nothing is left of a body that is refused",
             {body});
        return;
    }
    hold(body.size() <= psm::max_record_size, "within the size");
    hold(is_json, "JSON", {body});
    hold(!repeats.found, "no member twice", {body});
    hold(repeats.deepest <= 8, "not nested deeper", {body});
    const json tree = json::parse(body);
    hold(tree.is_object(), "an object", {body});
    hold(kind == DraftKind::create ? draft.name.has_value()
                                   : tree.empty() == draft.empty(),
         "a name, or a wish", {body});
    hold(psm::check_draft(draft, kind, now).empty(), "good to all", {body});
    check_against_tree(tree, draft, body);
    check_strictness(body, kind);
    check_applied(draft, kind, true, body);
    check_applied(draft, kind, false, body);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    const auto body = input.rest();
    check_body(body, DraftKind::create);
    check_body(body, DraftKind::edit);
    return 0;
}
