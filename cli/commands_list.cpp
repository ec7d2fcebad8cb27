// SPDX-License-Identifier: BSD-2-Clause
//
// list, show.

#include "command.hpp"
#include "csv.hpp"
#include "inputs.hpp"
#include "json_list.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "usage.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/token_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace psm::cli {

namespace {

constexpr std::array<TokenState, 4> states{
    TokenState::active, TokenState::expired, TokenState::disabled,
    TokenState::deleted};

// Rows of a table that are kept to be put under one another.
constexpr std::size_t rows_at_once = 1000;

struct ListOptions {
    std::string owner;
    std::string channel;
    std::string scope;
    std::string type;
    std::string state;
    std::string expiring;
    std::string unused;
    bool expired = false;
    bool deleted = false;
    std::string sort;
    std::optional<std::int64_t> limit;
    std::string after;
    bool csv = false;
};

std::string kind_name(TokenKind kind)
{
    return kind == TokenKind::resource ? "resource" : "scope";
}

TokenKind read_kind(const std::string& text)
{
    for (const TokenKind kind : {TokenKind::resource, TokenKind::scope}) {
        if (text == kind_name(kind)) {
            return kind;
        }
    }
    refuse("--type " + in_quotes(text) + " is none: use resource or scope");
}

std::string state_words()
{
    std::string words;
    for (const TokenState state : states) {
        words += (words.empty() ? "" : "|") + std::string(state_name(state));
    }
    return words;
}

/// One that is wished for twice is refused, not guessed.
std::optional<TokenState> read_state(const ListOptions& options)
{
    std::vector<TokenState> wanted;
    if (!options.state.empty()) {
        const auto* const found =
            std::ranges::find(states, options.state, state_name);
        if (found == states.end()) {
            refuse("--state " + in_quotes(options.state) + " is none: use " +
                   state_words());
        }
        wanted.push_back(*found);
    }
    if (options.expired) {
        wanted.push_back(TokenState::expired);
    }
    if (options.deleted) {
        wanted.push_back(TokenState::deleted);
    }
    if (!options.expiring.empty()) {
        wanted.push_back(TokenState::active);
    }
    if (std::ranges::any_of(wanted, [&](TokenState state) {
            return state != wanted.front();
        })) {
        refuse("--state, --expired, --deleted and --expiring (which is about "
               "active tokens) contradict one another: keep one of them");
    }
    return wanted.empty() ? std::nullopt : std::optional(wanted.front());
}

Listing read_listing(const ListOptions& options)
{
    Listing listing{.filter = {.owner = options.owner,
                               .channel = options.channel,
                               .scope = options.scope}};
    TokenFilter& filter = listing.filter;
    if (!options.owner.empty()) {
        check_owner(options.owner);
    }
    if (!options.channel.empty()) {
        check_text("--channel", options.channel, channel_problem);
    }
    if (!options.scope.empty()) {
        check_text("--scope", options.scope, scope_problem);
    }
    if (!options.type.empty()) {
        filter.kind = read_kind(options.type);
    }
    filter.state = read_state(options);
    if (!options.expiring.empty()) {
        filter.expiring = parse_span("--expiring", options.expiring);
    }
    if (!options.unused.empty()) {
        filter.unused = parse_span("--unused", options.unused);
    }
    if (!options.sort.empty()) {
        parse_order(options.sort, listing);
    }
    if (options.limit) {
        if (*options.limit < 1) {
            refuse("--limit is less than 1: leave it out for all tokens");
        }
        listing.limit = static_cast<std::size_t>(*options.limit);
    }
    listing.after = options.after;
    return listing;
}

std::string state_text(const TokenRecord& record, std::int64_t now)
{
    const TokenState state = state_of(record, now);
    const bool overlaps =
        state == TokenState::active && !record.superseded_by.empty();
    return overlaps ? "overlaps" : std::string(state_name(state));
}

std::string time_cell(std::int64_t time, const char* otherwise)
{
    return time > 0 && time != never_expires ? format_time(time) : otherwise;
}

void complain_of(const StoredToken& token)
{
    complain("left out, its record is not valid: token " + token.record.id +
             ": " + *token.problem);
}

void list_as_json(Store& store, const Listing& listing, std::int64_t now)
{
    JsonList list;
    const std::string next =
        list_tokens(store, listing, now, [&list](const StoredToken& token) {
            if (token.problem) {
                complain_of(token);
            } else {
                list.add(token_json(token));
            }
        });
    list.end(next, nullptr);
}

void list_as_csv(Store& store, const Listing& listing, std::int64_t now)
{
    print_csv({"id", "name", "owner", "type", "state", "grants", "channels",
               "created_at", "expires_at", "last_used_at", "created_by",
               "description", "rev", "superseded_by"});
    const std::string next =
        list_tokens(store, listing, now, [now](const StoredToken& token) {
            const TokenRecord& record = token.record;
            if (token.problem) {
                complain_of(token);
                return;
            }
            print_csv({record.id, record.name, record.owner,
                       kind_name(record.kind),
                       std::string(state_name(state_of(record, now))),
                       describe_grants(record), join_words(record.channels),
                       time_cell(record.created, ""),
                       time_cell(record.expires, "never"),
                       time_cell(token.last_used.value_or(0), ""),
                       record.created_by, record.description,
                       std::to_string(record.rev), record.superseded_by});
        });
    if (!next.empty()) {
        complain("there are more: --after " + next);
    }
}

void add_row(Table& table, const StoredToken& token, std::int64_t now)
{
    const TokenRecord& record = token.record;
    table.add(
        {record.id, record.name, record.owner, kind_name(record.kind),
         state_text(record, now), time_cell(record.expires, "never"),
         time_cell(token.last_used.value_or(0), "-"),
         describe_grants(record) +
             (record.channels.empty() ? "" : " on " + describe_reach(record))});
    if (table.waiting() == rows_at_once) {
        table.print();
    }
}

void list_as_table(Store& store, const Listing& listing, std::int64_t now)
{
    using enum Table::Fit;
    Table table({"ID",
                 "NAME",
                 {"OWNER", cut, 2},
                 {"TYPE", cut, 1},
                 "STATUS",
                 {"EXPIRES", time},
                 {"LAST USED", time, 3},
                 "GRANTS"});
    const std::string next =
        list_tokens(store, listing, now, [&](const StoredToken& token) {
            if (token.problem) {
                complain_of(token);
            } else {
                add_row(table, token, now);
            }
        });
    if (!table.empty()) {
        table.print();
    } else if (listing.filter == TokenFilter{}) {
        print("There are no tokens.\n");
    } else if (listing.filter == TokenFilter{.owner = listing.filter.owner}) {
        print("There are no tokens of " + listing.filter.owner + ".\n");
    } else {
        print("There are no such tokens.\n");
    }
    if (!next.empty()) {
        print("\nThere are more: --after " + next + "\n");
    }
}

int list(const ListOptions& options, Environment& environment)
{
    if (options.csv && environment.json) {
        refuse("--csv and --json are two forms of the list: keep one of them");
    }
    const Listing listing = read_listing(options);
    if (environment.json) {
        list_as_json(environment.store(), listing, environment.now);
    } else if (options.csv) {
        list_as_csv(environment.store(), listing, environment.now);
    } else {
        list_as_table(environment.store(), listing, environment.now);
    }
    return yes;
}

int show(const std::string& id, Environment& environment)
{
    check_id(id);
    const auto token = run_now(environment.store().find_id(id));
    if (!token) {
        throw Failure(no, "no token has the ID " + id +
                              ": `psm-token list` shows those there are");
    }
    if (token->problem) {
        throw Failure(cannot_tell, "the record of " + id +
                                       " is not valid, and its token is "
                                       "refused: " +
                                       *token->problem);
    }
    if (environment.json) {
        print_json(token_json(*token));
    } else {
        print(describe_token(*token, environment.now));
    }
    return yes;
}

} // namespace

Action define_list(Syntax syntax)
{
    auto options = std::make_shared<ListOptions>();
    const auto text = [&syntax](const char* name, std::string& value,
                                const char* help, std::string_view type) {
        syntax.add(name, value, help).takes(type);
    };
    text("--owner", options->owner, "Only the tokens of this owner", "NAME");
    text("--channel", options->channel,
         "Only tokens with a grant that covers this channel", "CHANNEL");
    text("--scope", options->scope, "Only tokens that have this scope",
         std::string(takes_scope));
    text("--type", options->type, "Only tokens of this kind", "resource|scope");
    text("--state", options->state, "Only tokens in this state", state_words());
    text("--expiring", options->expiring,
         "Only active tokens that expire within this time, as in 7d", "TIME");
    text("--unused", options->unused,
         "Only tokens neither used nor made for this time, as in 90d", "TIME");
    syntax.add_flag("--expired", options->expired, "As --state expired");
    syntax.add_flag("--deleted", options->deleted,
                    "As --state deleted: those of the last 30 days");
    text("--sort", options->sort,
         "The order; with a - in front the reverse. By creation if not given, "
         "by expiry with --expired and --expiring, by deletion with --deleted",
         order_words());
    syntax.add("--limit", options->limit, "At most so many tokens")
        .takes("NUMBER");
    text("--after", options->after,
         "Only what follows: the \"next\" of a list that was cut by --limit",
         "CURSOR");
    syntax.add_flag(
        "--csv", options->csv,
        "Print comma-separated values; a cell that begins with = + - "
        "@ gets a ' in front");
    return [options](Environment& environment) {
        return list(*options, environment);
    };
}

Action define_show(Syntax syntax)
{
    auto id = std::make_shared<std::string>();
    syntax.add("ID", *id, "ID of the token").required();
    return [id](Environment& environment) { return show(*id, environment); };
}

} // namespace psm::cli
