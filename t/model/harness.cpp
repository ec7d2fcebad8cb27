// SPDX-License-Identifier: BSD-2-Clause
//
// The compiled library, asked line by line, so that the reference model can be
// compared with it. It does what the edge does between nginx and lib and
// nothing else: take the path's tokens, read the headers, look the records up
// (here in two maps), decide.
//
// A line is fields with tabs between; \t \n \r \\ stand for themselves.
//
//     X                                   forget all records
//     T  token    =json | !               a token record, or: unavailable
//     C  channel  =json | !               a channel record, likewise
//     G  bases  carriers  format  require  -|=channel  levels  privacy
//     Q  now  method  path  name  value ...
//
// Only Q is answered: "status reason level channel", with "-" for nothing.
// The path is decoded, as nginx hands it over in r->uri.

#include "lines.hpp"

#include "../../lib/carrier.hpp"
#include "../../lib/channel.hpp"
#include "../../lib/digest.hpp"
#include "../../lib/identity.hpp"
#include "../../lib/policy.hpp"
#include "../../lib/record.hpp"
#include "../../lib/target.hpp"
#include "../../lib/token_path.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using namespace model;
using namespace psm;

struct StoredToken {
    Standing standing = Standing::unavailable;
    std::string packed; // of a known one
};

struct Store {
    std::unordered_map<std::string, StoredToken> tokens; // by digest
    std::unordered_map<std::string, ChannelPrivacy> channels;
};

struct Settings {
    Fields base_texts{"/"};
    std::vector<std::string_view> bases{base_texts.front()};
    CarrierSet carriers = all_carriers;
    TokenFormat format = TokenFormat::psm;
    Requirement requirement{};
    std::optional<std::string> channel;
    bool scope_levels = false;
    ChannelPrivacy privacy = ChannelPrivacy::closed;
};

std::string key_of(Hasher& hasher, std::string_view token)
{
    TokenDigest digest;

    if (!hasher.digest(token, digest)) {
        fail("no digest");
    }
    return std::string(digest.view());
}

StoredToken read_token(std::string_view value)
{
    TokenRecord record;

    if (!value.starts_with('=')) {
        return {};
    }
    if (decode_token_record(value.substr(1), record)) {
        return {.standing = Standing::invalid, .packed = {}};
    }
    return {.standing = Standing::known, .packed = pack(record)};
}

/// As the edge does: a broken record opens nothing.
ChannelPrivacy read_channel(std::string_view value)
{
    Privacy privacy{};

    if (!value.starts_with('=')) {
        return ChannelPrivacy::unavailable;
    }
    if (decode_channel_record(value.substr(1), privacy)) {
        return ChannelPrivacy::closed;
    }
    return static_cast<ChannelPrivacy>(privacy);
}

Settings read_settings(const Fields& fields)
{
    Settings settings;

    settings.base_texts = words(fields.at(1));
    std::ranges::sort(settings.base_texts, {}, &std::string::size);
    settings.bases.assign(settings.base_texts.begin(),
                          settings.base_texts.end());

    settings.carriers = 0;
    for (const std::string& name : words(fields.at(2))) {
        const auto at = std::ranges::find(carrier_names, name);
        settings.carriers |=
            carrier_bit(static_cast<Carrier>(at - carrier_names.begin()));
    }

    settings.format =
        fields.at(3) == "any" ? TokenFormat::any : TokenFormat::psm;
    settings.requirement = parse_requirement(fields.at(4));
    if (fields.at(5).starts_with('=')) {
        settings.channel = fields[5].substr(1);
    }
    settings.scope_levels = fields.at(6) == "on";
    settings.privacy =
        static_cast<ChannelPrivacy>(find_privacy(fields.at(7)).value());
    return settings;
}

ChannelPrivacy privacy_of(const Store& store, std::string_view channel,
                          ChannelPrivacy otherwise)
{
    for (; !channel.empty(); channel = parent_channel(channel)) {
        const auto found = store.channels.find(std::string(channel));
        if (found != store.channels.end()) {
            return found->second;
        }
    }
    return otherwise;
}

Target target_of(std::string_view uri, const Settings& settings)
{
    return settings.channel
               ? find_target_on(*settings.channel, uri, settings.bases)
               : find_target(uri, settings.bases);
}

/// Adds what the headers claim. A Basic value is decoded into `scratch`.
void read_headers(const Fields& fields, const Settings& settings, Claim& claim,
                  std::span<char> scratch)
{
    for (std::size_t i = 4; i + 1 < fields.size(); i += 2) {
        const std::string& name = fields[i];
        const std::string& value = fields[i + 1];
        std::optional<Credential> credential;

        if (name == "authorization") {
            credential = read_authorization(value, settings.carriers,
                                            settings.format, scratch);
        } else {
            const Carrier carrier =
                name == "x-auth" ? Carrier::x_auth : Carrier::x_api_key;
            if ((settings.carriers & carrier_bit(carrier)) != 0) {
                credential = read_plain_header(carrier, value, settings.format);
            }
        }
        if (credential) {
            claim.add(*credential);
        }
    }
}

Holder holder_of(const Claim& claim, const Store& store, Hasher& hasher)
{
    switch (claim.verdict()) {
    case Verdict::none:
        return {.standing = Standing::anonymous, .identity = {}};
    case Verdict::ambiguous:
        return {.standing = Standing::ambiguous, .identity = {}};
    case Verdict::masked:
        return {.standing = Standing::masked, .identity = {}};
    case Verdict::malformed:
        return {.standing = Standing::malformed, .identity = {}};
    case Verdict::token:
        break;
    }

    const auto found = store.tokens.find(key_of(hasher, claim.token()));
    if (found == store.tokens.end()) {
        return {.standing = Standing::unknown, .identity = {}};
    }
    return {.standing = found->second.standing,
            .identity = Identity(found->second.packed)};
}

void answer(int status, std::string_view reason, Level held,
            std::string_view channel)
{
    const auto or_dash = [](std::string_view text) {
        return text.empty() ? std::string_view("-") : text;
    };
    std::cout << status << ' ' << or_dash(reason) << ' '
              << (held == Level::none ? "-" : level_name(held)) << ' '
              << or_dash(channel) << '\n';
}

/// What people are told that a question demands, and what was enough.
bool meets(const Demand& demand, const Decision& decision,
           const Identity& identity)
{
    if (identity.kind() == TokenKind::scope) {
        return demand.any_of.meets(identity.scopes());
    }
    return demand.level != Level::none && decision.held >= demand.level;
}

void ask(const Fields& fields, const Settings& settings, const Store& store,
         Hasher& hasher)
{
    const std::string& path = fields.at(3);
    Claim claim;
    const PathTokens found = find_path_tokens(
        path, settings.bases, settings.carriers, settings.format, claim);

    if (found.empty_segment || found.nothing_behind) {
        answer(found.empty_segment ? 400 : 404, "", Level::none, "");
        return;
    }

    std::string uri(found.clean_length(path), '\0');
    uri.resize(write_clean(path, found, uri.data()));

    std::array<char, max_basic_length> scratch{};
    read_headers(fields, settings, claim, scratch);

    Question question;
    question.method = find_method(fields.at(2));
    question.target = target_of(uri, settings);
    question.requirement = settings.requirement;
    question.scope_levels = settings.scope_levels;

    const Holder holder = holder_of(claim, store, hasher);
    const ChannelPrivacy privacy =
        is_public_read(question)
            ? privacy_of(store, question.target.channel, settings.privacy)
            : settings.privacy;
    const Decision decision =
        decide(question, holder, privacy, std::stoll(fields.at(1)));

    if (decision.reason == Reason::granted &&
        !meets(demand_of(question), decision, holder.identity)) {
        fail("granted, although demand_of names something else");
    }

    const ReasonInfo& reason = info(decision.reason);
    answer(reason.status, reason.code, decision.held, question.target.channel);
}

} // namespace

int main()
{
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);

    Hasher hasher;
    Store store;
    Settings settings;
    std::string line;

    while (std::getline(std::cin, line)) {
        const Fields fields = split(line);
        const std::string& verb = fields.front();

        if (verb == "Q") {
            ask(fields, settings, store, hasher);
        } else if (verb == "X") {
            store = {};
        } else if (verb == "T") {
            store.tokens[key_of(hasher, fields.at(1))] =
                read_token(fields.at(2));
        } else if (verb == "C") {
            store.channels[fields.at(1)] = read_channel(fields.at(2));
        } else if (verb == "G") {
            settings = read_settings(fields);
        } else {
            fail("no such verb: " + verb);
        }
    }
    std::cout.flush();
    return 0;
}
