// SPDX-License-Identifier: BSD-2-Clause
//
// edit, reissue: what changes, under the same string or a new one, is one step
// that is made only while the record is the one that was read.

#include "command.hpp"
#include "found_token.hpp"
#include "grant_options.hpp"
#include "inputs.hpp"
#include "new_token.hpp"
#include "output.hpp"
#include "owner_bound.hpp"
#include "replication.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/new_string.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

struct EditOptions {
    std::string id;
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<std::string> expires;
    GrantOptions grants;
    bool every_channel = false;
    bool reissue = false;
    std::optional<std::string> overlap;
    std::optional<std::int64_t> if_rev;
    SiteOptions site;
    bool quiet = false;
};

TokenDraft make_draft(const EditOptions& options, std::int64_t now)
{
    TokenDraft draft{.name = options.name,
                     .description = options.description,
                     .reissue = options.reissue};
    if (options.expires) {
        draft.expires = parse_expiry(*options.expires, now);
    }
    if (options.overlap) {
        draft.overlap = parse_span("--overlap", *options.overlap);
    }
    set_grants(options.grants, draft);
    if (options.every_channel) {
        if (draft.channels) {
            refuse("--every-channel and --channel contradict one another: "
                   "keep one of them");
        }
        draft.channels.emplace();
    }
    if (draft.empty()) {
        refuse("nothing to change: give --name, --description, --expires, "
               "--resource, --scope, --channel or --reissue");
    }
    refuse_problems(check_draft(draft, DraftKind::edit, now));
    return draft;
}

/// A change that was made.
struct Edited {
    StoredToken before{};
    StoredToken after{};
    std::optional<StoredToken> twin{};    // overlapped before
    std::optional<TokenRecord> overlap{}; // overlaps from now on
};

/// A new string that is dead already helps nobody.
void check_life(const TokenRecord& after, std::int64_t now)
{
    if (now >= after.expires) {
        throw Failure(no, "token " + after.id + " expired at " +
                              format_time(after.expires) +
                              ", and a new string would have, too: give it a "
                              "new expiry with `psm-token edit " +
                              after.id + " --reissue --expires 30d`");
    }
}

Edited make_change(const EditOptions& options, const TokenDraft& draft,
                   const NewString* string, Environment& environment)
{
    Store& store = environment.store();
    const Actor actor{.who = login_name(), .now = environment.now};
    const std::string old_id = make_token_id();
    for (int attempt = 0; attempt < max_attempts; attempt++) {
        Edited edited{.before = find_changeable(store, options.id)};
        const TokenRecord& before = edited.before.record;
        check_rev(edited.before, options.if_rev);
        edited.after = edited.before;
        TokenRecord& after = edited.after.record;
        refuse_problems(apply_draft(draft, before, after));
        edited.twin = find_twin(store, before);
        OwnerBound bound(store);
        // A new string is all of its grants, kept or not.
        bound.check(after, string == nullptr ? &before : nullptr);
        if (string == nullptr) {
            if (run_now(store.edit(edited.before, after, actor,
                                   bound.premises()))) {
                return edited;
            }
            continue;
        }
        check_life(after, environment.now);
        std::optional<Store::Overlap> overlap;
        if (draft.overlap) {
            overlap = {.id = old_id, .until = environment.now + *draft.overlap};
            edited.overlap = before;
            edited.overlap->id = old_id;
            edited.overlap->expires =
                std::min({before.expires, after.expires, overlap->until});
        }
        if (run_now(store.reissue(edited.before, after, string->digest(),
                                  overlap, actor, bound.premises()))) {
            return edited;
        }
    }
    give_up("token " + options.id);
}

struct Change {
    const char* name;
    std::string before;
    std::string after;
};

/// What differs, for people.
std::vector<Change> changes_of(const Edited& edited, std::int64_t now)
{
    const TokenRecord& before = edited.before.record;
    const TokenRecord& after = edited.after.record;
    const bool is_resource = after.kind == TokenKind::resource;
    const auto quoted = [](const std::string& text) {
        return text.empty() ? "none" : "\"" + text + "\"";
    };
    std::vector<Change> changes{
        {"name", before.name, after.name},
        {"description", quoted(before.description), quoted(after.description)},
        {is_resource ? "resources" : "scopes", describe_grants(before),
         describe_grants(after)},
        {"channels", describe_reach(before), describe_reach(after)},
        {"expires", describe_expiry(before, now), describe_expiry(after, now)},
    };
    std::erase_if(changes, [](const Change& change) {
        return change.before == change.after;
    });
    return changes;
}

/// The members that differ, each with what it was.
ordered_json changes_json(const Edited& edited)
{
    const ordered_json before = token_json(edited.before);
    const ordered_json after = token_json(edited.after);
    ordered_json changes = ordered_json::object();
    for (const auto& [key, value] : before.items()) {
        if (!after.contains(key)) {
            changes[key] = {{"before", value}, {"after", nullptr}};
        }
    }
    for (const auto& [key, value] : after.items()) {
        const ordered_json old = before.value(key, ordered_json());
        if (value != old) {
            changes[key] = {{"before", old}, {"after", value}};
        }
    }
    return changes;
}

void print_old_strings(const Edited& edited, bool reissued, std::int64_t now)
{
    if (edited.overlap) {
        print(line("old string", "works until " +
                                     describe_expiry(*edited.overlap, now) +
                                     ", as " + edited.overlap->id));
    } else if (reissued) {
        print(line("old string", "dead from now on: what still has it is "
                                 "refused (--overlap 1h leaves time)"));
    }
    if (edited.twin) {
        const TokenRecord& twin = edited.twin->record;
        print(line("overlapping", twin.id + (reissued ? " is dead, too"
                                                      : " was changed, too")));
    }
}

void print_edited(const Edited& edited, bool reissued, std::int64_t now)
{
    const TokenRecord& after = edited.after.record;
    print(line("id", after.id));
    const std::vector<Change> changes = changes_of(edited, now);
    for (const Change& change : changes) {
        print(line(change.name, change.before + " -> " + change.after));
    }
    if (changes.empty() && !reissued) {
        print(line("changed", "nothing: it was so before"));
    }
    print(line("rev", std::to_string(edited.before.record.rev) + " -> " +
                          std::to_string(after.rev)));
    print_old_strings(edited, reissued, now);
    if (state_of(after, now) != TokenState::active) {
        print(line("status", std::string(state_name(state_of(after, now))) +
                                 ": the gate refuses it"));
    }
}

ordered_json edited_json(const Edited& edited, const NewString* string)
{
    ordered_json json = token_json(edited.after);
    json["changed"] = changes_json(edited);
    if (string != nullptr) {
        json["token"] = string->text();
        json["old_string"] = nullptr;
    }
    if (edited.overlap) {
        json["old_string"] = {
            {"id", edited.overlap->id},
            {"expires_at", format_time(edited.overlap->expires)}};
    }
    return json;
}

int edit(const EditOptions& options, Environment& environment)
{
    check_id(options.id);
    const TokenDraft draft = make_draft(options, environment.now);
    if (options.quiet && (environment.json || !draft.reissue)) {
        refuse("--quiet prints a new token alone: it goes with --reissue, and "
               "not with --json");
    }
    const Site site = parse_site(options.site);
    std::optional<NewString> made;
    if (draft.reissue) {
        made.emplace();
    }
    const NewString* const string = made ? &*made : nullptr;
    const Edited edited = make_change(options, draft, string, environment);
    const Replication done = environment.replicated();

    if (environment.json) {
        ordered_json json = edited_json(edited, string);
        json["replicated"] = replication_json(done);
        print_json(json);
    } else if (options.quiet) {
        print(string->text());
        print("\n");
    } else {
        if (string != nullptr) {
            print_new_token(string->text());
        }
        print_edited(edited, string != nullptr, environment.now);
        if (string != nullptr) {
            print_ready(site, string->text(), edited.after.record);
        }
    }
    return report(done, "look after the replicas, and see with `psm-token "
                        "show " +
                            options.id + "` whether its rev is still " +
                            std::to_string(edited.after.record.rev));
}

void add_new_string_options(Syntax syntax, EditOptions& options)
{
    syntax
        .add("--overlap", options.overlap,
             "How long the old string works beside the new one, as in "
             "1h; if not given it is dead at once")
        .takes("TIME");
    add_rev_option(syntax, options.if_rev);
    syntax.add_flag("-q,--quiet", options.quiet, "Print the new token alone");
    add_site_options(syntax, options.site);
}

} // namespace

Action define_edit(Syntax syntax)
{
    auto options = std::make_shared<EditOptions>();
    syntax.add("ID", options->id, "ID of the token, which keeps its kind")
        .required();
    syntax.add("--name", options->name, "What the token is for");
    syntax.add("--description", options->description,
               "For people, at most 1024 characters; \"\" for none");
    syntax
        .add("--expires", options->expires,
             "12h, 30d, 2027-01-31 (its 00:00 UTC), a full time, or "
             "never")
        .takes("TIME");
    add_grant_options(syntax, options->grants);
    syntax.add_flag("--every-channel", options->every_channel,
                    "Lets the scopes reach every channel");
    syntax.add_flag("--reissue", options->reissue,
                    "Also makes a new string, and prints it once");
    add_new_string_options(syntax, *options);
    syntax.add_remark(
        "What --resource, --scope or --channel give takes the place of "
        "all that the token\nhad of that.");
    return [options](Environment& environment) {
        return edit(*options, environment);
    };
}

Action define_reissue(Syntax syntax)
{
    auto options = std::make_shared<EditOptions>();
    options->reissue = true;
    syntax.add("ID", options->id, "ID of the token, which it keeps").required();
    add_new_string_options(syntax, *options);
    return [options](Environment& environment) {
        return edit(*options, environment);
    };
}

} // namespace psm::cli
