// SPDX-License-Identifier: BSD-2-Clause
//
// A record's members are rows of a table: key, whether it must be there, and
// the function that takes its value or refuses it. What members mean to one
// another (a type and its grants) is judged when all have been taken.

#include "record.hpp"

#include "channel.hpp"
#include "record_reader.hpp"
#include "text.hpp"
#include "token_limits.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace psm {

namespace {

using Problem = std::optional<std::string>;

template <typename Record>
struct Member {
    std::string_view key;
    bool required = false;
    bool (*take)(Field& field, Record& out) = nullptr;
};

template <typename Record, std::size_t N>
constexpr std::array<std::string_view, N>
keys_of(const std::array<Member<Record>, N>& members)
{
    std::array<std::string_view, N> keys{};
    std::ranges::transform(members, keys.begin(), &Member<Record>::key);
    return keys;
}

Problem about(std::string_view key, std::string_view what)
{
    std::string text = "\"";
    text += key;
    text += "\" ";
    text += what;
    return text;
}

/// Reads and takes every member; `fields` tells the caller which were there.
template <typename Record, std::size_t N>
Problem take_members(std::string_view json,
                     const std::array<Member<Record>, N>& members,
                     std::array<Field, N>& fields, Record& out)
{
    const auto keys = keys_of(members);
    if (Problem problem = read_fields(json, keys, fields)) {
        return problem;
    }
    for (std::size_t i = 0; i < N; i++) {
        if (fields[i].shape == Shape::absent) {
            if (members[i].required) {
                return about(keys[i], "is missing");
            }
        } else if (!members[i].take(fields[i], out)) {
            return about(keys[i], "is not valid");
        }
    }
    return std::nullopt;
}

bool has_control(std::string_view text)
{
    return std::ranges::any_of(text, is_control);
}

bool take_version(const Field& field)
{
    return field.shape == Shape::number && field.number == record_version;
}

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

/// A list of words, none of them twice.
bool take_words(Field& field, bool (*is_valid)(std::string_view),
                std::vector<std::string>& out)
{
    if (field.shape != Shape::list || field.entries.empty() ||
        field.entries.size() > max_resources) {
        return false;
    }
    std::set<std::string_view> seen;
    for (const auto& entry : field.entries) {
        if (!is_valid(entry.first) || !seen.insert(entry.first).second) {
            return false;
        }
    }
    out.reserve(field.entries.size());
    for (auto& entry : field.entries) {
        out.push_back(std::move(entry.first));
    }
    return true;
}

bool take_resources(Field& field, std::map<std::string, Level>& out)
{
    if (field.shape != Shape::map || field.entries.empty() ||
        field.entries.size() > max_resources) {
        return false;
    }
    for (auto& [path, name] : field.entries) {
        const auto level = find_level(name);
        if (!level || !is_channel_path(path) ||
            !out.emplace(std::move(path), *level).second) {
            return false;
        }
    }
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

/// Unknown scopes are kept: they grant nothing here, but are not ours to
/// drop.
bool is_scope_word(std::string_view text)
{
    return !text.empty() && !has_control(text);
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
     [](Field& f, TokenRecord& r) {
         return take_words(f, is_scope_word, r.scopes);
     }},
    {"channels", false,
     [](Field& f, TokenRecord& r) {
         return take_words(
             f, [](std::string_view path) { return is_channel_path(path); },
             r.channels);
     }},
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
     [](Field& f, TokenRecord& r) {
         r.disabled = f.flag;
         return f.shape == Shape::flag;
     }},
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
