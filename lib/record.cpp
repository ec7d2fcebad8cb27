// SPDX-License-Identifier: BSD-2-Clause
//
// The members of a token and of a channel. What members mean to one another (a
// type and its grants) is judged when all have been taken.

#include "record.hpp"

#include "record_members.hpp"
#include "text.hpp"
#include "token_limits.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>

namespace psm {

namespace {

using Problem = std::optional<std::string>;

bool take_integer(const Field& field, std::int64_t min, std::int64_t max,
                  std::int64_t& out)
{
    if (field.shape != Shape::number ||
        field.number > static_cast<std::uint64_t>(max)) {
        return false;
    }
    out = static_cast<std::int64_t>(field.number);
    return out >= min;
}

bool take_time(const Field& field, std::int64_t& out)
{
    return take_integer(field, 0, max_time, out);
}

/// Any text for people.
bool take_text(Field& field, std::size_t max_characters, std::string& out)
{
    if (field.shape != Shape::text || has_control(field.text) ||
        count_characters(field.text) > max_characters) {
        return false;
    }
    out = std::move(field.text);
    return true;
}

bool take_word(Field& field, bool (*is_valid)(std::string_view),
               std::string& out)
{
    if (field.shape != Shape::text || !is_valid(field.text)) {
        return false;
    }
    out = std::move(field.text);
    return true;
}

bool take_type(const Field& field, TokenKind& out)
{
    if (field.shape != Shape::text) {
        return false;
    }
    out = field.text == "scope" ? TokenKind::scope : TokenKind::resource;
    return field.text == "scope" || field.text == "resource";
}

// The order of the rows is that of the record (design.md section 6).
enum TokenKey : std::size_t {
    key_resources = 6,
    key_scopes = 7,
    key_channels = 8,
};

constexpr std::array<Member<TokenRecord>, 17> token_members{{
    {"v", true, [](Field& f, TokenRecord&) { return take_version(f); }},
    {"id", true,
     [](Field& f, TokenRecord& r) { return take_word(f, is_token_id, r.id); }},
    {"rev", false,
     [](Field& f, TokenRecord& r) {
         return take_integer(f, 1, INT64_MAX, r.rev);
     }},
    {"name", true,
     [](Field& f, TokenRecord& r) {
         return take_text(f, max_name, r.name) && !r.name.empty();
     }},
    {"owner", true,
     [](Field& f, TokenRecord& r) { return take_word(f, is_owner, r.owner); }},
    {"type", true,
     [](Field& f, TokenRecord& r) { return take_type(f, r.kind); }},
    {"resources", false,
     [](Field& f, TokenRecord& r) { return take_resources(f, r.resources); }},
    {"scopes", false,
     [](Field& f, TokenRecord& r) { return take_scopes(f, r.scopes); }},
    {"channels", false,
     [](Field& f, TokenRecord& r) { return take_channels(f, r.channels); }},
    {"created", false,
     [](Field& f, TokenRecord& r) { return take_time(f, r.created); }},
    {"expires", false,
     [](Field& f, TokenRecord& r) { return take_time(f, r.expires); }},
    {"desc", false,
     [](Field& f, TokenRecord& r) {
         return take_text(f, max_description, r.description);
     }},
    {"by", false,
     [](Field& f, TokenRecord& r) {
         return take_text(f, max_name, r.created_by);
     }},
    {"disabled", false,
     [](Field& f, TokenRecord& r) { return take_flag(f, r.disabled); }},
    {"deleted", false,
     [](Field& f, TokenRecord& r) {
         return take_time(f, r.deleted.emplace());
     }},
    {"superseded_by", false,
     [](Field& f, TokenRecord& r) {
         return take_word(f, is_token_id, r.superseded_by);
     }},
    {"supersedes", false,
     [](Field& f, TokenRecord& r) {
         return take_word(f, is_token_id, r.supersedes);
     }},
}};

constexpr auto token_keys = keys_of(token_members);

static_assert(token_members[key_resources].key == "resources");
static_assert(token_members[key_scopes].key == "scopes");
static_assert(token_members[key_channels].key == "channels");

constexpr std::array<Member<Privacy>, 2> channel_members{{
    {"v", true, [](Field& f, Privacy&) { return take_version(f); }},
    {"privacy", true,
     [](Field& f, Privacy& out) {
         const auto privacy = find_privacy(f.text);
         out = privacy.value_or(Privacy::closed);
         return f.shape == Shape::text && privacy.has_value();
     }},
}};

/// A token is of one kind, and holds grants of that kind only.
Problem judge_grants(const TokenRecord& record,
                     const std::array<Field, token_members.size()>& fields)
{
    const bool is_resource = record.kind == TokenKind::resource;
    const auto has = [&fields](TokenKey key) {
        return fields[key].shape != Shape::absent;
    };
    const TokenKey needed = is_resource ? key_resources : key_scopes;
    if (!has(needed)) {
        return about(token_members[needed].key, "is missing");
    }
    for (const TokenKey key : {key_resources, key_scopes, key_channels}) {
        const bool belongs = (key == key_resources) == is_resource;
        if (has(key) && !belongs) {
            return about(token_members[key].key,
                         "does not belong to a token of this type");
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> decode_token_record(std::string_view json,
                                               TokenRecord& out)
{
    out = TokenRecord{};
    std::array<Field, token_members.size()> fields;
    if (Problem problem = take_members(json, token_members, fields, out)) {
        return problem;
    }
    return judge_grants(out, fields);
}

std::span<const std::string_view> token_record_keys() noexcept
{
    return token_keys;
}

std::optional<std::string> decode_channel_record(std::string_view json,
                                                 Privacy& out)
{
    std::array<Field, channel_members.size()> fields;
    return take_members(json, channel_members, fields, out);
}

} // namespace psm
