// SPDX-License-Identifier: BSD-2-Clause
//
// create, list, show, delete.

#include "command.hpp"
#include "inputs.hpp"
#include "output.hpp"
#include "replication.hpp"
#include "snippets.hpp"
#include "usage.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/digest.hpp"
#include "../lib/store.hpp"
#include "../lib/text.hpp"
#include "../lib/token.hpp"
#include "../lib/token_draft.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <iterator>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

constexpr const char* default_expiry = "30d";

struct CreateOptions {
    std::string name;
    GrantOptions grants;
    std::string expires = default_expiry;
    std::string owner;
    std::string description;
    SiteOptions site;
    bool quiet = false;
    bool own_expiry = false;
};

TokenRecord make_record(const CreateOptions& options, std::int64_t now)
{
    if (options.grants.resources.empty() && options.grants.scopes.empty()) {
        refuse("a token needs a grant: give --resource CHANNEL:LEVEL, or "
               "--scope SCOPE");
    }
    TokenRecord record;
    record.created_by = login_name();
    TokenDraft draft{.name = options.name,
                     .description = options.description,
                     .expires = parse_expiry(options.expires, now),
                     .owner = options.owner.empty() ? record.created_by
                                                    : options.owner};
    set_grants(options.grants, draft);
    refuse_problems(check_draft(draft, DraftKind::create, now));
    record.id = make_token_id();
    record.created = now;
    refuse_problems(apply_draft(draft, record, record));
    return record;
}

void print_created(const CreateOptions& options, const Site& site,
                   const StoredToken& stored, const std::string& token,
                   std::int64_t now)
{
    const TokenRecord& record = stored.record;
    print("The token, shown this once; keep it now:\n\n  " + token + "\n\n");
    print(line("id", record.id) + line("name", record.name));
    print(line("owner",
               record.owner + (options.owner.empty()
                                   ? " (your login name; --owner sets another)"
                                   : "")));
    print(line("expires",
               describe_expiry(record, now) +
                   (options.own_expiry ? ""
                                       : ", the default; --expires sets "
                                         "another")));
    if (record.kind == TokenKind::resource) {
        print(line("resources", describe_grants(record)));
    } else {
        print(line("scopes", describe_grants(record)));
        print(line("channels", describe_reach(record) +
                                   (record.channels.empty()
                                        ? " (--channel CH limits it to some)"
                                        : "")));
    }
    print("\nReady to paste:\n\n");
    print_snippets(site, make_snippets(site, token, channels_of(record)));
}

int create(const CreateOptions& options, Environment& environment)
{
    if (options.quiet && environment.json) {
        refuse("--quiet goes with text, not with --json: keep one of them");
    }
    const Site site = parse_site(options.site);
    const StoredToken stored{.digest = {},
                             .json = {},
                             .record = make_record(options, environment.now),
                             .problem = std::nullopt};
    std::string token = generate_token();
    TokenDigest digest;
    if (!Hasher().digest(token, digest)) {
        throw Failure(cannot_tell, "OpenSSL cannot compute SHA-256");
    }
    const auto hex = digest.hex();
    const Actor actor{.who = stored.record.created_by, .now = environment.now};
    if (!run_now(environment.store().create(
            stored.record, std::string(hex.data(), hex.size()), actor))) {
        throw Failure(no, "a token with this ID or digest exists already: "
                          "nothing was changed, try again");
    }
    const Replication done = environment.replicated();

    if (environment.json) {
        ordered_json json = token_json(stored);
        json["token"] = token;
        json["replicated"] = replication_json(done);
        print_json(json);
    } else if (options.quiet) {
        print(token + "\n");
    } else {
        print_created(options, site, stored, token, environment.now);
    }
    wipe(token);
    return report(done, "look after the replicas before the token is used, and "
                        "see with `psm-token show " +
                            stored.record.id + "` whether it is still there");
}

std::vector<StoredToken> list_all(Store& store, const std::string& owner)
{
    TokenRange range{.limit = max_page};
    if (!owner.empty()) {
        range.index = TokenRange::Index::owner;
        range.name = owner;
    }
    std::vector<StoredToken> tokens;
    do {
        auto page = run_now(store.list(range));
        std::ranges::move(page->tokens, std::back_inserter(tokens));
        range.after = page->next;
    } while (!range.after.empty());
    return tokens;
}

int list(const std::string& owner, Environment& environment)
{
    if (!owner.empty()) {
        check_owner(owner);
    }
    const auto tokens = list_all(environment.store(), owner);
    ordered_json items;
    Table table({"ID", "NAME", "OWNER", "TYPE", "STATUS", "EXPIRES", "GRANTS"});
    for (const StoredToken& token : tokens) {
        if (token.problem) {
            complain("left out, its record is not valid: digest " +
                     token.digest + ": " + *token.problem);
            continue;
        }
        const TokenRecord& record = token.record;
        const bool ends = record.expires != never_expires;
        items.push_back(token_json(token));
        table.add(
            {record.id, record.name, record.owner,
             record.kind == TokenKind::resource ? "resource" : "scope",
             std::string(state_name(state_of(record, environment.now))),
             ends ? format_time(record.expires) : "never",
             describe_grants(record) +
                 (record.channels.empty() ? ""
                                          : " on " + describe_reach(record))});
    }
    if (environment.json) {
        print_json(list_json(std::move(items)));
    } else if (table.empty()) {
        print(owner.empty() ? "There are no tokens.\n"
                            : "There are no tokens of " + owner + ".\n");
    } else {
        table.print();
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

std::string_view describe_removal(Store::Removal removal)
{
    switch (removal) {
    case Store::Removal::done:
        return "deleted";
    case Store::Removal::done_before:
        return "was deleted already";
    case Store::Removal::unknown:
    case Store::Removal::changed:
        break;
    }
    return "unknown";
}

int remove(const std::vector<std::string>& ids, Environment& environment)
{
    for (const std::string& id : ids) {
        check_id(id);
    }
    const Actor actor{.who = login_name(), .now = environment.now};
    ordered_json items;
    int code = yes;
    bool changed = false;
    for (const std::string& id : ids) {
        const Store::Removal removal =
            run_now(environment.store().remove_id(id, actor));
        if (removal == Store::Removal::changed) {
            give_up("token " + id);
        }
        const std::string result(describe_removal(removal));
        items.push_back({{"id", id}, {"result", result}});
        changed = changed || removal != Store::Removal::unknown;
        if (removal == Store::Removal::unknown) {
            code = no;
            complain("no token has the ID " + id);
        } else if (!environment.json) {
            print(id);
            print(" ");
            print(result);
            print("\n");
        }
    }
    const Replication done = changed ? environment.replicated() : Replication{};
    if (environment.json) {
        ordered_json json = list_json(std::move(items));
        json["replicated"] = replication_json(done);
        print_json(json);
    }
    const int reported =
        report(done, "look after the replicas, then run this command again, "
                     "which waits for them again");
    return reported == yes ? code : reported;
}

} // namespace

Action define_create(CLI::App& app)
{
    auto options = std::make_shared<CreateOptions>();
    app.add_option("--name", options->name, "What the token is for")
        ->required();
    app.add_option("--resource", options->grants.resources,
                   "A channel and read, write or manage; may be repeated")
        ->type_name(std::string(takes_grant))
        ->allow_extra_args(false);
    app.add_option("--scope", options->grants.scopes,
                   "A scope (see `psm-token scopes`); may be repeated")
        ->type_name(std::string(takes_scope))
        ->allow_extra_args(false);
    app.add_option("--channel", options->grants.channels,
                   "Limits the scopes to a channel; may be repeated")
        ->type_name("CHANNEL")
        ->allow_extra_args(false);
    auto* const expires =
        app.add_option("--expires", options->expires,
                       "12h, 30d, 2027-01-31 (its 00:00 UTC), a full time, "
                       "or never; 30d if not given")
            ->type_name("TIME");
    app.add_option("--owner", options->owner,
                   "Whose token it is; your login name if not given");
    app.add_option("--description", options->description,
                   "For people, at most 1024 characters");
    app.add_flag("-q,--quiet", options->quiet, "Print the token alone");
    add_site_options(app, options->site);
    return [options, expires](Environment& environment) {
        options->own_expiry = expires->count() > 0;
        return create(*options, environment);
    };
}

Action define_list(CLI::App& app)
{
    auto owner = std::make_shared<std::string>();
    app.add_option("--owner", *owner, "Only the tokens of this owner");
    return
        [owner](Environment& environment) { return list(*owner, environment); };
}

Action define_show(CLI::App& app)
{
    auto id = std::make_shared<std::string>();
    app.add_option("ID", *id, "ID of the token")->required();
    return [id](Environment& environment) { return show(*id, environment); };
}

Action define_delete(CLI::App& app)
{
    auto ids = std::make_shared<std::vector<std::string>>();
    app.add_option("ID", *ids, "IDs of the tokens")->required();
    return
        [ids](Environment& environment) { return remove(*ids, environment); };
}

} // namespace psm::cli
