// SPDX-License-Identifier: BSD-2-Clause
//
// Records of users from Redis, and what they let them hand out. Input: the
// bytes of a user's record in the first line, those of a token in the rest.
//
// Any bytes are accepted or refused, in words of ours. What is accepted says
// the same to an independent reading of the JSON and to a second round through
// the writer. A token that is cut to a user's rights is within them and within
// itself, can be stored, and is cut no further; a token that is not cut is one
// that the user may hand out.

#include "fuzz.hpp"
#include "strict_record.hpp"

#include "../../lib/authority.hpp"
#include "../../lib/channel.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace {

using fuzz::hold;
using fuzz::same;
using psm::TokenRecord;
using psm::UserRecord;

/// What the JSON says, read as a tree.
void check_against_tree(std::string_view json, const UserRecord& record)
{
    const auto tree = nlohmann::json::parse(json);
    hold(tree.at("v") == 1 && tree.at("v").is_number_unsigned(), "version 1",
         {json});
    hold(tree.value("admin", false) == record.admin, "admin", {json});
    hold(tree.contains("resources") == !record.resources.empty() &&
             tree.contains("scopes") == !record.scopes.empty() &&
             tree.contains("channels") == !record.channels.empty(),
         "grants are there or not", {json});
    hold(!tree.contains("resources") ||
             tree.at("resources").size() == record.resources.size(),
         "as many resources", {json});
    for (const auto& [path, level] : record.resources) {
        same(tree.at("resources").at(path).get<std::string>(),
             psm::level_name(level), "a level", {json, path});
        hold(psm::is_channel_path(path), "a channel", {path});
    }
    const std::vector<std::string> none;
    hold(tree.value("scopes", none) == record.scopes, "scopes", {json});
    hold(tree.value("channels", none) == record.channels, "channels", {json});
    hold(record.resources.size() <= psm::max_resources &&
             record.scopes.size() <= psm::max_resources &&
             record.channels.size() <= psm::max_resources,
         "not too many grants");
}

void check_cut(const TokenRecord& token, const psm::Rights& rights)
{
    const auto rest = psm::cut(token, rights);
    const bool within = psm::excess({.bounds = {rights}}, token).empty();
    if (!rest) {
        hold(!within, "nothing is left of what goes beyond",
             {psm::encode_token_record(token)});
        return;
    }
    const auto written = psm::encode_token_record(*rest);
    hold(psm::excess({.bounds = {rights}}, *rest).empty(), "within the bounds",
         {written});
    hold(psm::excess({}, token, *rest).empty(), "within what it was",
         {written});
    TokenRecord again;
    same(psm::decode_token_record(written, again).value_or(""), "",
         "can be stored", {written});
    const auto twice = psm::cut(*rest, rights);
    hold(twice && psm::encode_token_record(*twice) == written,
         "is cut no further", {written});
    const bool whole = written == psm::encode_token_record(token);
    hold(whole == within, "cut is what goes beyond", {written});
}

void check_user_record(std::string_view json, UserRecord& record)
{
    fuzz::check_strictness<UserRecord>(json, psm::decode_user_record);
    check_against_tree(json, record);
    const auto written = psm::encode_user_record(record);
    UserRecord again;
    same(psm::decode_user_record(written, again).value_or(""), "",
         "what we write can be read", {written});
    hold(again.admin == record.admin && again.resources == record.resources &&
             again.scopes == record.scopes && again.channels == record.channels,
         "read, written and read is the same", {json, written});
    same(psm::encode_user_record(again), written, "one spelling", {json});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    const auto json = input.line();
    UserRecord record;
    if (const auto problem = psm::decode_user_record(json, record)) {
        fuzz::check_words(*problem);
        same(psm::encode_user_record(record), R"({"v":1})",
             "nothing of a record that is refused");
        return 0;
    }
    check_user_record(json, record);

    TokenRecord token;
    if (!psm::decode_token_record(input.rest(), token)) {
        check_cut(token, psm::rights_of(record));
    }
    return 0;
}
