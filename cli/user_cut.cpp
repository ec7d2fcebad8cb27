// SPDX-License-Identifier: BSD-2-Clause

#include "user_cut.hpp"

#include "command.hpp"
#include "found_token.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "replication.hpp"

#include "../lib/authority.hpp"
#include "../lib/store.hpp"

#include <unistd.h>

#include <optional>

namespace psm::cli {

namespace {

// Then a replica is waited for, and it is said how far this has come.
constexpr std::uint64_t batch = 1000;

enum class Fate : std::uint8_t { within, narrowed, revoked, damaged };

struct Judgement {
    Fate fate = Fate::within;
    TokenRecord after{}; // narrowed
};

Judgement judge(const StoredToken& token, const Rights& rights)
{
    const TokenRecord& record = token.record;
    if (token.problem) {
        return {.fate = Fate::damaged};
    }
    if (record.deleted) {
        return {.fate = Fate::within};
    }
    std::optional<TokenRecord> left = cut(record, rights);
    if (!left || record.rev == INT64_MAX) { // one that counts no further
        return {.fate = Fate::revoked};
    }
    if (left->resources == record.resources && left->scopes == record.scopes &&
        left->channels == record.channels) {
        return {.fate = Fate::within};
    }
    left->rev++;
    return {.fate = Fate::narrowed, .after = std::move(*left)};
}

class Cutting {
public:
    Cutting(Environment& environment, std::string user)
        : environment_(environment),
          user_(std::move(user)), actor_{.who = login_name(),
                                         .now = environment.now},
          progress_("tokens")
    {
    }

    /// Until nothing is left to do: tokens may be made meanwhile.
    CutTokens run()
    {
        for (int round = 0; round < max_attempts; round++) {
            const std::uint64_t before = changes_;
            done_.damaged.clear();
            pass(Fate::revoked);
            done_.within = 0;
            pass(Fate::narrowed);
            if (changes_ == before) {
                return std::move(done_);
            }
        }
        give_up("one token or another of " + user_);
    }

private:
    [[nodiscard]] Store& store() { return environment_.store(); }

    Rights rights()
    {
        const auto user = run_now(store().find_user(user_));
        if (!user || user->problem) {
            throw Failure(cannot_tell,
                          "the record of " + user_ +
                              " was changed by others meanwhile, and is none "
                              "any more: " +
                              text() + ". Set it again");
        }
        return rights_of(user->record);
    }

    void pass(Fate wanted)
    {
        TokenRange range{.index = TokenRange::Index::owner,
                         .name = user_,
                         .limit = max_page};
        do {
            const Rights bounds = rights();
            const auto page = run_now(store().list(range));
            for (const StoredToken& token : page->tokens) {
                apply(token, bounds, wanted);
            }
            range.after = page->next;
        } while (!range.after.empty());
    }

    void apply(StoredToken token, const Rights& bounds, Fate wanted)
    {
        for (int attempt = 0; attempt < max_attempts; attempt++) {
            const Judgement judgement = judge(token, bounds);
            if (judgement.fate < wanted) {
                done_.within += wanted == Fate::narrowed ? 1 : 0;
                return;
            }
            if (judgement.fate == Fate::damaged) {
                if (wanted == Fate::revoked) {
                    done_.damaged.push_back(token.record.id);
                }
                return;
            }
            const std::string twin = twin_of(token, bounds);
            if (change(token, judgement)) {
                count(token.record.id, judgement.fate);
                if (!twin.empty()) {
                    count(twin, judgement.fate);
                }
                return;
            }
            auto again = run_now(store().find_id(token.record.id));
            if (!again) {
                return;
            }
            token = std::move(*again);
        }
        give_up("token " + token.record.id);
    }

    /// The old string that goes along, unless it was cut before.
    std::string twin_of(const StoredToken& token, const Rights& bounds)
    {
        const auto twin = find_twin(store(), token.record);
        const bool beyond = twin && judge(*twin, bounds).fate != Fate::within;
        return beyond ? twin->record.id : "";
    }

    bool change(const StoredToken& token, const Judgement& judgement)
    {
        if (judgement.fate == Fate::revoked) {
            return run_now(store().remove(token, actor_)) ==
                   Store::Removal::done;
        }
        return run_now(store().edit(token, judgement.after, actor_));
    }

    void count(const std::string& id, Fate fate)
    {
        (fate == Fate::revoked ? done_.revoked : done_.narrowed).push_back(id);
        changes_++;
        done_.within += fate == Fate::narrowed ? 1 : 0;
        progress_.advance(1);
        if (Interrupt::asked()) {
            progress_.hide();
            throw Interrupted("the record of " + user_ + " is set, " + text() +
                              ": run the same command again for the rest");
        }
        if (changes_ % batch != 0) {
            return;
        }
        static_cast<void>(environment_.replicated());
        if (isatty(STDERR_FILENO) == 0) {
            complain("so far " + text());
        }
    }

    /// How far it has come.
    [[nodiscard]] std::string text() const
    {
        return std::to_string(done_.revoked.size()) + " tokens are revoked, " +
               std::to_string(done_.narrowed.size()) + " narrowed";
    }

    Environment& environment_;
    std::string user_;
    Actor actor_;
    Interrupt interrupt_;
    Progress progress_;
    CutTokens done_;
    std::uint64_t changes_ = 0;
};

} // namespace

CutTokens cut_tokens(Environment& environment, const std::string& user)
{
    return Cutting(environment, user).run();
}

} // namespace psm::cli
