// SPDX-License-Identifier: BSD-2-Clause

#include "token_draft.hpp"

#include "clock_text.hpp"
#include "quote.hpp"
#include "text.hpp"
#include "token_limits.hpp"

#include <openssl/rand.h>

#include <array>
#include <set>
#include <stdexcept>

namespace psm {

namespace {

using Judge = std::optional<std::string> (*)(std::string_view);

constexpr std::string_view service_account_prefix = "service-account-channel-";

void add(FieldProblems& problems, std::string field,
         std::optional<std::string> why)
{
    if (why) {
        problems.push_back({.field = std::move(field), .why = std::move(*why)});
    }
}

void check_owner(const TokenDraft& draft, DraftKind kind,
                 FieldProblems& problems)
{
    if (draft.owner) {
        add(problems, "owner",
            kind == DraftKind::edit ? "stays with the token: create another one"
                                    : owner_problem(*draft.owner));
    }
    if (!draft.service_account) {
        return;
    }
    const std::string& channel = *draft.service_account;
    if (kind == DraftKind::edit) {
        add(problems, "service_account",
            "stays with the token: create another one");
    } else if (draft.owner) {
        add(problems, "service_account",
            "is an owner by itself: leave owner out");
    } else if (auto problem = channel_problem(channel)) {
        add(problems, "service_account", std::move(problem));
    } else if (channel.find('/') != std::string::npos) {
        add(problems, "service_account",
            in_quotes(channel) + " is a subchannel, which has no service "
                                 "account: name its channel");
    }
}

void check_expiry(const TokenDraft& draft, std::int64_t now,
                  FieldProblems& problems)
{
    const std::int64_t expires = draft.expires.value_or(never_expires);
    if (expires == never_expires) {
        return;
    }
    if (expires < 0 || expires > max_time) {
        add(problems, "expires_at", "is no time between 1970 and 9999");
    } else if (expires <= now) {
        add(problems, "expires_at",
            format_time(expires) + " is in the past: it is " +
                format_time(now) + " now");
    }
}

std::string place_in(const char* list, std::size_t at)
{
    return list + ("[" + std::to_string(at) + "]");
}

void check_words(const char* field, const std::vector<std::string>& words,
                 Judge judge, FieldProblems& problems)
{
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < words.size(); i++) {
        if (auto problem = judge(words[i])) {
            add(problems, place_in(field, i), std::move(problem));
        } else if (!seen.insert(words[i]).second) {
            add(problems, place_in(field, i),
                in_quotes(words[i]) + " is given twice: keep one of them");
        }
    }
}

void check_number(const char* field, std::size_t count, FieldProblems& problems)
{
    if (count > max_resources) {
        add(problems, field,
            "names more than " + std::to_string(max_resources) +
                " channels: grant their common parent, or create two tokens");
    }
}

void check_grants(const TokenDraft& draft, DraftKind kind,
                  FieldProblems& problems)
{
    if (draft.resources && (draft.scopes || draft.channels)) {
        add(problems, "resources",
            "goes with neither scopes nor channels: a token has either "
            "resources or scopes. Create two tokens");
    } else if (kind == DraftKind::create && !draft.resources && !draft.scopes) {
        add(problems, "resources",
            "and scopes are missing: a token needs a grant of one kind");
    }
    if (draft.resources) {
        check_number("resources", draft.resources->size(), problems);
        for (const auto& grant : *draft.resources) {
            add(problems, "resources", channel_problem(grant.first));
        }
    }
    if (draft.scopes) {
        check_words("scopes", *draft.scopes, scope_problem, problems);
    }
    if (draft.channels) {
        check_number("channels", draft.channels->size(), problems);
        check_words("channels", *draft.channels, channel_problem, problems);
    }
}

void check_reissue(const TokenDraft& draft, DraftKind kind,
                   FieldProblems& problems)
{
    if (kind == DraftKind::create) {
        const char* const why = "is of a token that is there: leave it out";
        if (draft.reissue) {
            add(problems, "reissue", why);
        }
        if (draft.overlap) {
            add(problems, "overlap", why);
        }
        return;
    }
    if (!draft.overlap) {
        return;
    }
    if (!draft.reissue) {
        add(problems, "overlap",
            "says how long the old string stays when a new one is issued: ask "
            "for that, too (reissue), or leave it out");
    }
    if (*draft.overlap < 0 || *draft.overlap > max_overlap) {
        add(problems, "overlap",
            "is longer than 30 days, or less than nothing: give 0 to " +
                std::to_string(max_overlap) + " seconds");
    }
}

/// An edit that would turn one kind into the other.
void check_kind(const TokenDraft& draft, TokenKind kind,
                FieldProblems& problems)
{
    const auto refuse = [&problems](const char* field, bool wrong,
                                    const char* own) {
        if (wrong) {
            add(problems, field,
                "cannot be given to this token, which has " + std::string(own) +
                    " and keeps its kind: create another one");
        }
    };
    const bool is_resource = kind == TokenKind::resource;
    refuse("resources", draft.resources && !is_resource, "scopes");
    refuse("scopes", draft.scopes && is_resource, "resources");
    refuse("channels", draft.channels && is_resource, "resources");
}

void set_grants(const TokenDraft& draft, TokenRecord& record)
{
    if (draft.resources) {
        record.kind = TokenKind::resource;
        record.resources = *draft.resources;
    } else if (draft.scopes) {
        record.kind = TokenKind::scope;
        record.scopes = *draft.scopes;
    }
    if (draft.channels) {
        record.channels = *draft.channels;
    }
}

/// What the gate would refuse must never be written.
void check_record(const TokenRecord& record, FieldProblems& problems)
{
    if (record.resources.empty() && record.scopes.empty()) {
        add(problems, "resources",
            "and scopes are empty: a token needs a grant of one kind");
        return;
    }
    const std::string json = encode_token_record(record);
    if (json.size() > max_record_size) {
        add(problems,
            record.kind == TokenKind::scope ? "channels" : "resources",
            "takes more than 64 KiB in all: grant common parents, or create "
            "two tokens");
        return;
    }
    TokenRecord read_back;
    if (const auto problem = decode_token_record(json, read_back)) {
        add(problems, "", "makes no valid record: " + *problem);
    }
}

} // namespace

bool TokenDraft::empty() const noexcept
{
    return !name && !description && !expires && !resources && !scopes &&
           !channels && !owner && !service_account && !reissue && !overlap;
}

FieldProblems check_draft(const TokenDraft& draft, DraftKind kind,
                          std::int64_t now)
{
    FieldProblems problems;
    if (draft.name) {
        add(problems, "name", name_problem(*draft.name));
    } else if (kind == DraftKind::create) {
        add(problems, "name", "is missing: say what the token is for");
    }
    if (draft.description) {
        add(problems, "description", description_problem(*draft.description));
    }
    check_owner(draft, kind, problems);
    check_expiry(draft, now, problems);
    check_grants(draft, kind, problems);
    check_reissue(draft, kind, problems);
    return problems;
}

FieldProblems apply_draft(const TokenDraft& draft, const TokenRecord& before,
                          TokenRecord& out)
{
    const bool is_new = before.resources.empty() && before.scopes.empty();
    FieldProblems problems;
    TokenRecord record = before;
    if (!is_new) {
        check_kind(draft, before.kind, problems);
        if (before.rev == INT64_MAX) {
            add(problems, "",
                "cannot change this token any more, its rev is "
                "the last there is: create another one");
        }
    }
    if (!problems.empty()) {
        return problems;
    }
    record.rev += is_new ? 0 : 1;
    set_grants(draft, record);
    record.name = draft.name.value_or(record.name);
    record.description = draft.description.value_or(record.description);
    record.expires = draft.expires.value_or(record.expires);
    if (draft.service_account) {
        record.owner = service_account_of(*draft.service_account);
    } else {
        record.owner = draft.owner.value_or(record.owner);
    }
    check_record(record, problems);
    if (problems.empty()) {
        out = std::move(record);
    }
    return problems;
}

std::string service_account_of(std::string_view channel)
{
    return std::string(service_account_prefix) + std::string(channel);
}

std::string make_token_id()
{
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        throw std::runtime_error("the random number generator failed");
    }
    return format_token_id(bytes);
}

std::string format_token_id(std::array<unsigned char, 16> bytes)
{
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
    std::array<char, 32> hex{};
    to_hex(bytes, hex);
    const std::string_view text(hex.data(), hex.size());
    std::string id;
    for (const auto& [at, length] :
         {std::pair{0U, 8U}, {8U, 4U}, {12U, 4U}, {16U, 4U}, {20U, 12U}}) {
        id += (id.empty() ? "" : "-") + std::string(text.substr(at, length));
    }
    return id;
}

} // namespace psm
