// SPDX-License-Identifier: BSD-2-Clause
//
// create.

#include "command.hpp"
#include "grant_options.hpp"
#include "inputs.hpp"
#include "new_token.hpp"
#include "output.hpp"
#include "owner_bound.hpp"
#include "replication.hpp"

#include "../lib/new_string.hpp"
#include "../lib/store.hpp"

#include <nlohmann/json.hpp>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

constexpr const char* default_expiry = "30d";

struct CreateOptions {
    std::string name;
    GrantOptions grants;
    std::string expires = default_expiry;
    std::optional<std::string> owner;
    std::optional<std::string> service_account;
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
                     .owner = options.owner,
                     .service_account = options.service_account};
    if (!draft.owner && !draft.service_account) {
        draft.owner = record.created_by;
    }
    set_grants(options.grants, draft);
    refuse_problems(check_draft(draft, DraftKind::create, now));
    record.id = make_token_id();
    record.created = now;
    refuse_problems(apply_draft(draft, record, record));
    return record;
}

std::string describe_owner(const CreateOptions& options,
                           const TokenRecord& record)
{
    if (options.service_account) {
        return record.owner + " (the service account)";
    }
    return record.owner +
           (options.owner ? "" : " (your login name; --owner sets another)");
}

void print_created(const CreateOptions& options, const Site& site,
                   const TokenRecord& record, std::string_view token,
                   std::int64_t now)
{
    print_new_token(token);
    print(line("id", record.id) + line("name", record.name));
    print(line("owner", describe_owner(options, record)));
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
    print_ready(site, token, record);
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
    OwnerBound bound(environment.store());
    bound.check(stored.record);
    const NewString string;
    const Actor actor{.who = stored.record.created_by, .now = environment.now};
    if (!run_now(environment.store().create(stored.record, string.digest(),
                                            actor, bound.premises()))) {
        throw Failure(no, "a token with this ID or digest exists already, or "
                          "its owner was just changed: nothing was done, try "
                          "again");
    }
    const Replication done = environment.replicated();

    if (environment.json) {
        ordered_json json = token_json(stored);
        json["token"] = string.text();
        json["replicated"] = replication_json(done);
        print_json(json);
    } else if (options.quiet) {
        print(string.text());
        print("\n");
    } else {
        print_created(options, site, stored.record, string.text(),
                      environment.now);
    }
    return report(done, "look after the replicas before the token is used, and "
                        "see with `psm-token show " +
                            stored.record.id + "` whether it is still there");
}

} // namespace

Action define_create(Syntax syntax)
{
    auto options = std::make_shared<CreateOptions>();
    syntax.add("--name", options->name, "What the token is for").required();
    add_grant_options(syntax, options->grants);
    const Option expires =
        syntax
            .add("--expires", options->expires,
                 "12h, 30d, 2027-01-31 (its 00:00 UTC), a full time, "
                 "or never; 30d if not given")
            .takes("TIME");
    syntax
        .add("--owner", options->owner,
             "Whose token it is; your login name if not given")
        .takes("NAME");
    syntax
        .add("--service-account", options->service_account,
             "For machines: the owner is service-account-channel-CHANNEL")
        .takes("CHANNEL");
    syntax.add("--description", options->description,
               "For people, at most 1024 characters");
    syntax.add_flag("-q,--quiet", options->quiet, "Print the token alone");
    add_site_options(syntax, options->site);
    return [options, expires](Environment& environment) {
        options->own_expiry = expires.given();
        return create(*options, environment);
    };
}

} // namespace psm::cli
