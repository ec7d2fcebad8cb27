// SPDX-License-Identifier: BSD-2-Clause
//
// user set, user show, user list: what a user may hand out. The record comes
// before his tokens are cut to it, so that whatever ends this in between, the
// API hands out no more than the record says.

#include "command.hpp"
#include "found_token.hpp"
#include "grant_options.hpp"
#include "inputs.hpp"
#include "json_list.hpp"
#include "output.hpp"
#include "replication.hpp"
#include "usage.hpp"
#include "user_cut.hpp"

#include "../lib/token_limits.hpp"
#include "../lib/user_record.hpp"

#include <nlohmann/json.hpp>

#include <set>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

struct UserOptions {
    std::string name;
    GrantOptions grants;
    bool none = false;
    bool admin = false;
    bool no_admin = false;
};

void check_words(const char* option, const std::vector<std::string>& words,
                 std::optional<std::string> (*judge)(std::string_view))
{
    std::set<std::string_view> seen;
    for (const std::string& word : words) {
        check_text(option, word, judge);
        if (!seen.insert(word).second) {
            refuse(std::string(option) + " " + in_quotes(word) +
                   " is given twice: keep one of them");
        }
    }
}

void check_options(const UserOptions& options)
{
    const GrantOptions& grants = options.grants;
    check_text("NAME", options.name, owner_problem);
    check_words("--scope", grants.scopes, scope_problem);
    check_words("--channel", grants.channels, channel_problem);
    if (!grants.channels.empty() && grants.scopes.empty()) {
        refuse("--channel limits scopes, and there are none: give --scope, or "
               "--resource CHANNEL:LEVEL");
    }
    if (options.none && !grants.empty()) {
        refuse("--none is for nothing to hand out, and goes with no grant: "
               "keep one of them");
    }
    if (options.admin && options.no_admin) {
        refuse("--admin and --no-admin contradict one another: keep one of "
               "them");
    }
    if (!options.admin && !options.no_admin && !options.none &&
        grants.empty()) {
        refuse("say what " + options.name +
               " may hand out: --resource, --scope and --channel, --none for "
               "nothing; or --admin, or --no-admin");
    }
}

/// What is there, or nothing; the options change the parts that they name.
UserRecord make_record(const UserOptions& options,
                       const std::optional<StoredUser>& before)
{
    const bool grants = options.none || !options.grants.empty();
    const bool role = options.admin || options.no_admin;
    if (before && before->problem && !(grants && role)) {
        throw Failure(cannot_tell,
                      "the record of " + options.name +
                          " is not valid: " + *before->problem +
                          ". Give all of it: --admin or --no-admin, and what "
                          "he may hand out, or --none");
    }
    UserRecord record = before ? before->record : UserRecord{};
    if (role) {
        record.admin = options.admin;
    }
    if (grants) {
        record.resources = read_resources(options.grants.resources);
        record.scopes = options.grants.scopes;
        record.channels = options.grants.channels;
    }
    UserRecord read_back;
    if (const auto problem = decode_user_record(
            update_user_record(before ? before->json : "", record),
            read_back)) {
        refuse("these options make no valid record: " + *problem);
    }
    return record;
}

struct SetUser {
    std::optional<StoredUser> before;
    StoredUser after;
};

SetUser set_record(const UserOptions& options, Environment& environment)
{
    Store& store = environment.store();
    const Actor actor{.who = login_name(), .now = environment.now};
    for (int attempt = 0; attempt < max_attempts; attempt++) {
        const auto before = run_now(store.find_user(options.name));
        const UserRecord record = make_record(options, before);
        if (run_now(store.set_user(options.name, before, record, actor))) {
            return {.before = before,
                    .after = {.name = options.name,
                              .json = {},
                              .record = record,
                              .problem = {}}};
        }
    }
    give_up("user " + options.name);
}

std::string describe_resources(const UserRecord& user)
{
    TokenRecord record;
    record.resources = user.resources;
    return describe_grants(record);
}

/// All on one line.
std::string describe_rights(const UserRecord& record)
{
    if (record.admin) {
        return "everything";
    }
    std::string text = describe_resources(record);
    if (!record.scopes.empty()) {
        text += (text.empty() ? "" : " ") + join_words(record.scopes);
        text +=
            record.channels.empty() ? "" : " on " + join_words(record.channels);
    }
    return text.empty() ? "nothing" : text;
}

std::string describe_user(const StoredUser& user)
{
    const UserRecord& record = user.record;
    const auto or_none = [](const std::string& text) {
        return text.empty() ? "none" : text;
    };
    return line("name", user.name) +
           line("admin", record.admin ? "yes" : "no") +
           line("resources", or_none(describe_resources(record))) +
           line("scopes", or_none(join_words(record.scopes))) +
           (record.scopes.empty()
                ? ""
                : line("channels", record.channels.empty()
                                       ? "reaches every channel"
                                       : join_words(record.channels)));
}

ordered_json texts_json(const std::vector<std::string>& texts)
{
    return texts.empty() ? ordered_json::array() : ordered_json(texts);
}

void print_set(const SetUser& set, const CutTokens& cut)
{
    print(describe_user(set.after));
    const std::string before = !set.before ? "no record"
                               : set.before->problem
                                   ? "a record that was not valid"
                                   : describe_rights(set.before->record);
    print(line("before", before + ", all of which this replaces"));
    print(line("tokens", std::to_string(cut.revoked.size()) + " revoked, " +
                             std::to_string(cut.narrowed.size()) +
                             " narrowed; " + std::to_string(cut.within) +
                             " are left, within this"));
    if (!cut.damaged.empty()) {
        print(line("damaged", std::to_string(cut.damaged.size()) +
                                  " whose records are not valid: the gate "
                                  "refuses them"));
    }
    if (!cut.revoked.empty() || !cut.narrowed.empty()) {
        print("What the tokens lost is not given back when " + set.after.name +
              " may hand out more again.\n");
    }
}

int set(const UserOptions& options, Environment& environment)
{
    check_options(options);
    const SetUser set = set_record(options, environment);
    const CutTokens cut = cut_tokens(environment, options.name);
    const Replication done = environment.replicated();
    if (environment.json) {
        ordered_json json = user_json(set.after);
        json["revoked"] = texts_json(cut.revoked);
        json["narrowed"] = texts_json(cut.narrowed);
        json["damaged"] = texts_json(cut.damaged);
        json["within"] = cut.within;
        json["replicated"] = replication_json(done);
        print_json(json);
    } else {
        print_set(set, cut);
    }
    return report(done, "look after the replicas, then run this command again, "
                        "which waits for them again");
}

int show(const std::string& name, Environment& environment)
{
    check_text("NAME", name, owner_problem);
    const auto user = run_now(environment.store().find_user(name));
    if (!user) {
        throw Failure(no, "no user has the name " + name +
                              ": `psm-token user list` shows those there are, "
                              "`psm-token user set` makes one");
    }
    if (user->problem) {
        throw Failure(cannot_tell, "the record of " + name +
                                       " is not valid, and he may hand out "
                                       "nothing: " +
                                       *user->problem);
    }
    if (environment.json) {
        print_json(user_json(*user));
    } else {
        print(describe_user(*user));
    }
    return yes;
}

int list(Environment& environment)
{
    JsonList json;
    Table table({"NAME", "ADMIN", "MAY HAND OUT"});
    for (const StoredUser& user : run_now(environment.store().users())) {
        if (user.problem) {
            complain("left out, the record of " + escape(user.name) +
                     " is not valid: " + *user.problem);
        } else if (environment.json) {
            json.add(user_json(user));
        } else {
            table.add({user.name, user.record.admin ? "yes" : "no",
                       describe_rights(user.record)});
        }
    }
    if (environment.json) {
        json.end("", nullptr);
    } else if (table.empty()) {
        print("There are no users: `psm-token user set root --admin` makes "
              "the first administrator.\n");
    } else {
        table.print();
    }
    return yes;
}

} // namespace

Action define_user(Syntax syntax)
{
    auto options = std::make_shared<UserOptions>();
    Syntax setter = syntax.add_command(
        "set", "Say what a user may hand out, and cut his tokens to it");
    setter.add_remark("--resource, --scope and --channel take the place of all "
                      "that the user could hand\nout. Tokens of his that go "
                      "beyond are revoked where nothing is left of them, and\n"
                      "narrowed otherwise; nothing is given back later.");
    setter.add("NAME", options->name, "Name of the user").required();
    add_grant_options(setter, options->grants);
    setter.add_flag("--none", options->none, "Nothing to hand out");
    setter.add_flag("--admin", options->admin,
                    "An administrator: hands out everything, and is master "
                    "of all tokens");
    setter.add_flag("--no-admin", options->no_admin, "No administrator");
    Syntax shower = syntax.add_command("show", "Show what a user may hand out");
    shower.add("NAME", options->name, "Name of the user").required();
    syntax.add_command("list", "List the users that have a record");
    return [options, setter, shower](Environment& environment) {
        if (setter.given()) {
            return set(*options, environment);
        }
        return shower.given() ? show(options->name, environment)
                              : list(environment);
    };
}

} // namespace psm::cli
