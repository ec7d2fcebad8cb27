// SPDX-License-Identifier: BSD-2-Clause
//
// An entry is a list of texts, the members of a record in it are JSON: so a
// name with a line feed makes no second entry, whoever prints it.

#include "audit.hpp"

#include "json_object.hpp"
#include "text.hpp"
#include "whole_token.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace psm {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t digest_length = 64;

/// Covers digests, wherever they come from: 64 hexadecimal digits that stand
/// by themselves.
void mask_digests(std::string& text)
{
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        bool hex = true;
        while (end < text.size() && is_alnum(text[end])) {
            hex = hex && hex_value(text[end]) >= 0;
            end++;
        }
        if (hex && end - at == digest_length) {
            std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at),
                        digest_length, '*');
        }
        at = end + 1;
    }
}

std::string without_secrets(std::string text)
{
    mask_whole_tokens(text);
    mask_digests(text);
    return text;
}

/// The members of `own` that are not the same in `other`; "" for none.
std::string changed_members(const ordered_json& own, const ordered_json& other)
{
    ordered_json changed = ordered_json::object();
    if (!own.is_object()) {
        return {};
    }
    for (const auto& [key, value] : own.items()) {
        const auto found = other.is_object() ? other.find(key) : other.end();
        if (!other.is_object() || found == other.end() || *found != value) {
            changed[key] = value;
        }
    }
    return changed.empty() ? std::string() : changed.dump();
}

/// Where the value of a field goes.
std::string* place_of(std::string_view field, AuditEntry& entry)
{
    struct Row {
        std::string_view field;
        std::string* place;
    };

    const Row rows[] = {
        {"who", &entry.actor.who},         {"token", &entry.actor.token},
        {"what", &entry.event.what},       {"id", &entry.event.id},
        {"request", &entry.actor.request}, {"client", &entry.actor.client},
        {"before", &entry.event.before},   {"after", &entry.event.after},
    };
    const auto* const found = std::ranges::find(rows, field, &Row::field);
    return found == std::end(rows) ? nullptr : found->place;
}

std::int64_t parse_when(std::string_view text)
{
    std::int64_t when = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, when);
    const bool good =
        error == std::errc() && stop == end && when >= 0 && when <= max_time;
    return good ? when : 0;
}

/// When an entry was made that does not say it itself: its id begins with
/// milliseconds.
std::int64_t when_of(std::string_view id)
{
    std::uint64_t ms = 0;
    std::from_chars(id.data(), id.data() + id.size(), ms);
    const auto seconds = static_cast<std::int64_t>(ms / 1000);
    return seconds <= max_time ? seconds : 0;
}

} // namespace

std::vector<std::pair<std::string, std::string>>
audit_fields(const AuditEvent& event, const Actor& actor)
{
    std::vector<std::pair<std::string, std::string>> fields;
    const auto add = [&fields](const char* name, const std::string& value) {
        if (!value.empty()) {
            fields.emplace_back(name, without_secrets(value));
        }
    };
    add("who", actor.who);
    add("token", actor.token);
    add("what", event.what);
    add("id", event.id);
    add("when", std::to_string(actor.now));
    add("request", actor.request);
    add("client", actor.client);
    add("before", event.before);
    add("after", event.after);
    return fields;
}

// The reply is flat: all entries, each an array of two, its id and an array of
// fields and values.
std::vector<AuditEntry> read_audit(const RedisValue& reply)
{
    const auto& parts = reply.elements;
    const auto is_array = [&parts](std::size_t at) {
        return at < parts.size() && parts[at].type == RedisType::array;
    };
    std::vector<AuditEntry> entries;
    for (std::size_t at = 0; is_array(at) && is_array(at + 2);) {
        AuditEntry entry{.id = parts[at + 1].text, .event = {}, .actor = {}};
        entry.actor.now = when_of(entry.id);
        const auto fields = static_cast<std::size_t>(
            std::max<std::int64_t>(parts[at + 2].integer, 0));
        const std::size_t end = std::min(at + 3 + fields, parts.size());
        for (at += 3; at + 1 < end; at += 2) {
            const std::string& value = parts[at + 1].text;
            if (parts[at].text == "when") {
                entry.actor.now = parse_when(value);
            } else if (std::string* const place =
                           place_of(parts[at].text, entry)) {
                *place = value;
            }
        }
        at = end;
        entries.push_back(std::move(entry));
    }
    return entries;
}

AuditEvent audit_event(std::string what, std::string id,
                       std::string_view before_json,
                       std::string_view after_json)
{
    const ordered_json before = parse_object(before_json);
    const ordered_json after = parse_object(after_json);
    return {.what = std::move(what),
            .id = std::move(id),
            .before = changed_members(before, after),
            .after = changed_members(after, before)};
}

} // namespace psm
