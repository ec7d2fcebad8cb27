// SPDX-License-Identifier: BSD-2-Clause
//
// Records from Redis (T84). Input: the bytes of a record.
//
// Any bytes are accepted or refused, in words of ours. What is accepted says
// the same to an independent reading of the JSON, to a second round through
// the writer and to the gate; it cannot be cut short, and of its keys none
// can be repeated and any other added.

#include "fuzz.hpp"
#include "strict_record.hpp"

#include "../../lib/channel.hpp"
#include "../../lib/record.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace {

using fuzz::check_strictness;
using fuzz::check_words;
using fuzz::hold;
using fuzz::same;
using psm::TokenKind;
using psm::TokenRecord;

bool equal(const TokenRecord& a, const TokenRecord& b)
{
    return a.id == b.id && a.rev == b.rev && a.name == b.name &&
           a.owner == b.owner && a.kind == b.kind &&
           a.resources == b.resources && a.scopes == b.scopes &&
           a.channels == b.channels && a.created == b.created &&
           a.expires == b.expires && a.description == b.description &&
           a.created_by == b.created_by && a.disabled == b.disabled &&
           a.deleted == b.deleted && a.superseded_by == b.superseded_by;
}

/// What the JSON says, read as a tree.
void check_against_tree(std::string_view json, const TokenRecord& record)
{
    const auto tree = nlohmann::json::parse(json);
    const auto text = [&tree](const char* key) {
        return tree.value(key, std::string());
    };
    hold(tree.at("v") == 1 && tree.at("v").is_number_unsigned(), "version 1",
         {json});
    same(text("id"), record.id, "the id");
    same(text("name"), record.name, "the name");
    same(text("owner"), record.owner, "the owner");
    same(text("desc"), record.description, "the description");
    same(text("by"), record.created_by, "the maker");
    same(text("superseded_by"), record.superseded_by, "the successor");
    same(text("type"), record.kind == TokenKind::scope ? "scope" : "resource",
         "the type");
    hold(tree.value("rev", std::int64_t{1}) == record.rev, "rev", {json});
    hold(tree.value("created", std::int64_t{0}) == record.created, "created",
         {json});
    hold(tree.value("expires", psm::never_expires) == record.expires, "expires",
         {json});
    hold(tree.value("disabled", false) == record.disabled, "disabled", {json});
    hold(tree.contains("deleted") == record.deleted.has_value(), "deleted",
         {json});
    hold(tree.contains("resources") == !record.resources.empty() &&
             tree.contains("scopes") == !record.scopes.empty() &&
             tree.contains("resources") != tree.contains("scopes"),
         "grants of one kind", {json});
    for (const auto& [path, level] : record.resources) {
        same(tree.at("resources").at(path).get<std::string>(),
             psm::level_name(level), "a level", {json, path});
    }
    const std::vector<std::string> none;
    hold(tree.value("scopes", none) == record.scopes, "scopes", {json});
    hold(tree.value("channels", none) == record.channels, "channels", {json});
}

void check_limits(const TokenRecord& record)
{
    hold(record.resources.size() <= psm::max_resources &&
             record.scopes.size() <= psm::max_resources &&
             record.channels.size() <= psm::max_resources,
         "not too many grants");
    hold(record.rev >= 1 && record.created >= 0 && record.expires >= 0 &&
             (record.expires <= psm::max_time ||
              record.expires == psm::never_expires),
         "times that can be");
    hold(!record.id.empty() && record.id.size() <= 64 && !record.name.empty() &&
             record.name.size() <= 4 * 128 && !record.owner.empty() &&
             record.owner.size() <= 128,
         "texts that can be");
    for (const auto& [path, level] : record.resources) {
        hold(psm::is_channel_path(path) && level != psm::Level::none,
             "a grant on a channel", {path});
    }
}

/// The packed form says what the record says.
void check_identity(const TokenRecord& record)
{
    const auto bytes = psm::pack(record);
    const psm::Identity identity(bytes);
    same(identity.id(), record.id, "the packed id");
    same(identity.name(), record.name, "the packed name");
    same(identity.owner(), record.owner, "the packed owner");
    hold(identity.kind() == record.kind &&
             identity.expires() == record.expires &&
             identity.disabled() ==
                 (record.disabled || record.deleted.has_value()),
         "the packed kind, expiry and state");
    for (const auto& [path, level] : record.resources) {
        const auto grant = identity.grant_on(path);
        same(grant.path, path, "the packed grant");
        hold(grant.level == level, "the packed level", {path});
        const auto below = identity.grant_on(path + "/zz-fuzz");
        hold(record.resources.contains(path + "/zz-fuzz") || below.path == path,
             "a grant covers what lies below", {path});
    }
    for (const auto& path : record.channels) {
        hold(identity.reaches(path), "the packed reach", {path});
    }
    for (const auto& name : record.scopes) {
        const auto scope = psm::find_scope(name);
        hold(!scope || identity.scopes().has(*scope), "the packed scope",
             {name});
    }
    hold(record.kind == TokenKind::scope ||
             (identity.scopes().empty() && !identity.reaches("main")),
         "a resource token has no scopes");
}

void check_token_record(std::string_view json)
{
    TokenRecord record;
    if (const auto problem = psm::decode_token_record(json, record)) {
        check_words(*problem);
        return;
    }
    hold(json.size() <= psm::max_record_size, "within the size", {});
    check_limits(record);
    check_against_tree(json, record);
    check_identity(record);
    check_strictness<TokenRecord>(json, psm::decode_token_record);

    const auto written = psm::encode_token_record(record);
    TokenRecord again;
    const auto problem = psm::decode_token_record(written, again);
    same(problem.value_or(""), "", "what we write can be read", {written});
    hold(equal(record, again), "read, written and read is the same",
         {json, written});
    same(psm::encode_token_record(again), written, "one spelling", {json});
}

void check_channel_record(std::string_view json)
{
    psm::Privacy privacy{};
    if (const auto problem = psm::decode_channel_record(json, privacy)) {
        check_words(*problem);
        return;
    }
    const auto tree = nlohmann::json::parse(json);
    same(tree.at("privacy").get<std::string>(), psm::privacy_name(privacy),
         "the privacy", {json});
    hold(tree.at("v") == 1, "version 1", {json});
    check_strictness<psm::Privacy>(json, psm::decode_channel_record);

    psm::Privacy again{};
    const auto written = psm::encode_channel_record(privacy);
    const auto problem = psm::decode_channel_record(written, again);
    same(problem.value_or(""), "", "what we write can be read", {written});
    hold(again == privacy, "read, written and read is the same", {written});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    const auto json = input.rest();
    check_token_record(json);
    check_channel_record(json);
    return 0;
}
