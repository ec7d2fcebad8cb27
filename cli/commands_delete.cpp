// SPDX-License-Identifier: BSD-2-Clause
//
// delete: of tokens that are named, of a leaked one on standard input, and of
// all that somebody owns or made.

#include "command.hpp"
#include "consent.hpp"
#include "descent.hpp"
#include "found_token.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "json_list.hpp"
#include "lookup.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "replication.hpp"

#include "../lib/text.hpp"
#include "../lib/token_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

struct DeleteOptions {
    std::vector<std::string> ids; // or "-" alone
    std::string owner;
    std::string minted_by;
    bool yes = false;
    std::optional<std::int64_t> if_rev;
};

/// What became of one, and by which ids it may have made others.
struct Removed {
    std::string id{}; // "": its record cannot be read
    Store::Removal removal = Store::Removal::unknown;
    std::vector<std::string> maker_ids{};
};

const char* describe_removal(Store::Removal removal)
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

/// `find` reads the token anew each time that it was changed meanwhile.
template <typename Find>
Removed remove_found(Environment& environment, Find find,
                     const std::optional<std::int64_t>& if_rev)
{
    const Actor actor{.who = login_name(), .now = environment.now};
    Removed removed;
    for (int attempt = 0; attempt < max_attempts; attempt++) {
        const std::optional<StoredToken> token = find();
        if (!token) {
            return removed;
        }
        const TokenRecord& record = token->record;
        removed.id = record.id;
        check_rev(*token, if_rev);
        removed.maker_ids = {record.id};
        if (!record.supersedes.empty()) {
            removed.maker_ids.push_back(record.supersedes);
        }
        removed.removal = run_now(environment.store().remove(*token, actor));
        if (removed.removal != Store::Removal::changed) {
            return removed;
        }
    }
    give_up("token " + removed.id);
}

Removed remove_id(Environment& environment, const std::string& id,
                  const std::optional<std::int64_t>& if_rev = std::nullopt)
{
    Removed removed = remove_found(
        environment, [&] { return run_now(environment.store().find_id(id)); },
        if_rev);
    removed.id = id;
    return removed;
}

/// What is printed of them, one by one, and the exit code that they make.
class Report {
public:
    Report(Environment& environment, bool alone)
        : environment_(environment), alone_(alone)
    {
    }

    void add(const Removed& removed)
    {
        if (removed.removal == Store::Removal::unknown) {
            code_ = no;
            complain("no token has the ID " + removed.id);
        } else {
            changed_ = true;
        }
        if (environment_.json) {
            json_.add({{"id", removed.id.empty() ? ordered_json(nullptr)
                                                 : ordered_json(removed.id)},
                       {"result", describe_removal(removed.removal)}});
        } else if (removed.removal != Store::Removal::unknown) {
            print((removed.id.empty() ? "the token" : removed.id) + " " +
                  describe_removal(removed.removal) + "\n");
        }
        if (alone_ && !removed.id.empty()) {
            named_.push_back(removed);
        }
    }

    int end()
    {
        const Replication done =
            changed_ ? environment_.replicated() : Replication{};
        if (environment_.json) {
            json_.end("", {{"replicated", replication_json(done)}});
        }
        for (const Removed& removed : named_) {
            tell_of_made(removed);
        }
        const int reported =
            report(done, "look after the replicas, then run this command "
                         "again, which waits for them again");
        return reported == yes ? code_ : reported;
    }

private:
    /// Its children do not die with it unless somebody says so.
    void tell_of_made(const Removed& removed) const
    {
        const std::size_t made = count_made(
            environment_.store(), removed.maker_ids, environment_.now);
        if (made > 0) {
            complain(removed.id + " made " + std::to_string(made) +
                     (made == 1 ? " token that still works"
                                : " tokens that still work") +
                     ": `psm-token delete --minted-by " + removed.id +
                     "` deletes what it made, and what that made in turn");
        }
    }

    Environment& environment_;
    bool alone_;
    JsonList json_;
    std::vector<Removed> named_;
    bool changed_ = false;
    int code_ = yes;
};

int remove_ids(const DeleteOptions& options, Environment& environment)
{
    for (const std::string& id : options.ids) {
        check_id(id);
    }
    if (options.if_rev && options.ids.size() != 1) {
        refuse("--if-rev is about one token: give one ID");
    }
    Report report(environment, true);
    for (const std::string& id : options.ids) {
        report.add(remove_id(environment, id, options.if_rev));
    }
    return report.end();
}

int remove_leaked(const DeleteOptions& options, Environment& environment)
{
    Credentials leaked = look_up("-", environment);
    wipe(leaked.token);
    if (!leaked.stored) { // only of a token can it be told that it is dead
        throw Failure(leaked.standing == Standing::unknown ? no : cannot_tell,
                      describe_standing(leaked) + ": nothing was deleted");
    }
    const std::string digest = leaked.stored->digest;
    const TokenRecord record = leaked.stored->record;
    Report report(environment, true);
    report.add(remove_found(
        environment,
        [&] { return run_now(environment.store().find_digest(digest)); },
        options.if_rev));
    const int code = report.end();
    if (environment.json) {
        return code;
    }
    if (!record.superseded_by.empty()) {
        print("It was an old string: " + record.superseded_by +
              ", which took its place, goes on working\n");
    } else if (record.deleted) {
        const auto now = run_now(environment.store().find_id(record.id));
        if (now && !now->problem && !now->record.deleted) {
            print("It was an old string, dead since then: " + record.id +
                  " goes on working under its new one\n");
        }
    }
    return code;
}

std::vector<std::string> find_all(const DeleteOptions& options, Store& store)
{
    Progress progress("reading");
    return options.owner.empty()
               ? find_descent(store, options.minted_by, progress)
               : find_owned(store, options.owner, progress);
}

std::string describe_all(const DeleteOptions& options, std::size_t count)
{
    const std::string tokens =
        count == 1 ? "1 token" : std::to_string(count) + " tokens";
    return options.owner.empty() ? tokens + " that " + options.minted_by +
                                       " made, or what it made"
                                 : tokens + " of " + options.owner;
}

void remove_each(const std::vector<std::string>& ids, Environment& environment,
                 Report& report)
{
    const Interrupt interrupt;
    Progress progress("deleting", ids.size());
    std::size_t count = 0;
    for (const std::string& id : ids) {
        Removed removed = remove_id(environment, id);
        count++;
        progress.advance(1);
        if (removed.removal != Store::Removal::unknown) {
            // An old string went with the one that took its place.
            removed.removal = Store::Removal::done;
            progress.hide();
            report.add(removed);
        }
        if (Interrupt::asked() && count < ids.size()) {
            progress.hide();
            static_cast<void>(report.end());
            throw Interrupted(std::to_string(count) + " of " +
                              std::to_string(ids.size()) +
                              " are deleted: run the same command again for "
                              "the rest");
        }
    }
}

/// Tokens that he made for others do not go with his own.
void tell_of_descent(Store& store, const std::string& owner)
{
    Progress progress("reading");
    const std::size_t left = find_descent(store, owner, progress).size();
    progress.hide();
    if (left > 0) {
        complain(owner + " made tokens for others, of which there are " +
                 std::to_string(left) + ": `psm-token delete --minted-by " +
                 owner + "` deletes these, too");
    }
}

/// Whoever made tokens may have made some meanwhile: it is looked again until
/// there is none.
int remove_all(const DeleteOptions& options, Environment& environment)
{
    if (options.if_rev) {
        refuse("--if-rev is about one token: give its ID");
    }
    const bool by_owner = !options.owner.empty();
    check_text(by_owner ? "--owner" : "--minted-by",
               by_owner ? options.owner : options.minted_by, owner_problem);
    Report report(environment, false);
    for (int round = 0; round < max_attempts; round++) {
        const auto ids = find_all(options, environment.store());
        if (ids.empty()) {
            if (round == 0 && !environment.json) {
                print("There is no token to delete.\n");
            }
            if (by_owner) {
                tell_of_descent(environment.store(), options.owner);
            }
            return report.end();
        }
        if (round == 0) {
            const std::string what = describe_all(options, ids.size());
            ask_for_deletion(what, options.yes);
            if (!environment.json) {
                print("Deleting " + what + ":\n");
            }
        }
        remove_each(ids, environment, report);
    }
    throw Failure(cannot_tell,
                  "new tokens are made all the time: run this again when who "
                  "makes them is gone");
}

int remove(const DeleteOptions& options, Environment& environment)
{
    const int ways = (options.ids.empty() ? 0 : 1) +
                     (options.owner.empty() ? 0 : 1) +
                     (options.minted_by.empty() ? 0 : 1);
    const bool leaked = std::ranges::count(options.ids, "-") > 0;
    if (ways != 1 || (leaked && options.ids.size() != 1)) {
        refuse("give the IDs of tokens, or - alone for a token on standard "
               "input, or --owner, or --minted-by");
    }
    if (leaked) {
        return remove_leaked(options, environment);
    }
    return options.ids.empty() ? remove_all(options, environment)
                               : remove_ids(options, environment);
}

} // namespace

Action define_delete(Syntax syntax)
{
    auto options = std::make_shared<DeleteOptions>();
    syntax.add("ID", options->ids,
               "IDs of the tokens; `-` reads a token that leaked from "
               "standard input");
    syntax.add("--owner", options->owner, "All tokens of this owner")
        .takes("NAME");
    syntax
        .add("--minted-by", options->minted_by,
             "All tokens that this user or token made, those that these "
             "made, and so on")
        .takes("MAKER");
    syntax.add_flag("-y,--yes", options->yes,
                    "Do not ask before all tokens of somebody go");
    add_rev_option(syntax, options->if_rev);
    return [options](Environment& environment) {
        return remove(*options, environment);
    };
}

} // namespace psm::cli
