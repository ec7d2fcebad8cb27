// SPDX-License-Identifier: BSD-2-Clause
//
// import: tokens of a file in JSON Lines, all or none unless --skip-bad says
// otherwise. Running it again goes on where it was interrupted.

#include "command.hpp"
#include "import_check.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "line_file.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "replication.hpp"
#include "token_file.hpp"
#include "usage.hpp"

#include "../lib/new_string.hpp"
#include "../lib/store.hpp"
#include "../lib/text.hpp"
#include "../lib/token_draft.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

constexpr const char* default_expiry = "30d";

// Tokens in one change: Redis is busy for some milliseconds.
constexpr std::size_t batch = 100;

struct ImportOptions {
    std::string file;
    std::string format = "psm";
    std::string owner;
    std::string expires = default_expiry;
    std::string tokens_to;
    bool skip_bad = false;
    bool check = false;
};

class Import {
public:
    Import(const ImportOptions& options, Environment& environment)
        : options_(options),
          store_(environment.store()), actor_{.who = login_name(),
                                              .now = environment.now},
          check_(store_, rules(environment.now), spool_,
                 [this](std::uint64_t number, const FieldProblem& problem) {
                     complain_of(number, problem);
                 })
    {
        if (!options_.tokens_to.empty()) {
            tokens_.emplace(options_.tokens_to);
        }
    }

    /// The first pass.
    void check()
    {
        LineFile file(options_.file);
        Progress progress("checking lines");
        progress_ = &progress;
        std::string line;
        line.reserve(max_line_size + 2); // no copy is left behind by growing
        while (file.next(line, max_line_size)) {
            if (line.find_first_not_of(" \t") != std::string::npos) {
                check_.add(file.number(), line);
            }
            progress.advance(1);
            if (Interrupt::asked()) {
                break;
            }
        }
        wipe(line);
        if (Interrupt::asked()) { // it ends a wait for input, too
            throw Interrupted("nothing was imported");
        }
        check_.finish();
        progress_ = nullptr;
    }

    /// The second.
    void write()
    {
        const std::uint64_t wanted = counts().fresh - check_.dropped().size();
        Progress progress("importing", wanted);
        progress_ = &progress;
        std::vector<SpooledToken> some;
        SpooledToken token;
        while (spool_.next(token)) {
            if (check_.dropped().contains(token.line)) {
                continue;
            }
            some.push_back(std::move(token));
            if (some.size() == batch) {
                write(some);
                progress.advance(some.size());
                some.clear();
                check_interrupt(wanted);
            }
        }
        if (!some.empty()) {
            write(some);
        }
        progress_ = nullptr;
    }

    [[nodiscard]] const ImportCounts& counts() const noexcept
    {
        return check_.counts();
    }

    [[nodiscard]] std::uint64_t imported() const noexcept { return imported_; }

    [[nodiscard]] std::uint64_t bad() const noexcept
    {
        return counts().bad + late_;
    }

    [[nodiscard]] const ordered_json& problems() const noexcept
    {
        return problems_;
    }

private:
    [[nodiscard]] ImportRules rules(std::int64_t now) const
    {
        if (options_.format != "psm" && options_.format != "any") {
            refuse("--format \"" + escape(options_.format) +
                   "\" is none: use psm or any");
        }
        if (!options_.owner.empty()) {
            check_owner(options_.owner);
        }
        return {.format = options_.format == "any" ? TokenFormat::any
                                                   : TokenFormat::psm,
                .owner = options_.owner.empty() ? login_name() : options_.owner,
                .maker = login_name(),
                .expires = parse_expiry(options_.expires, now),
                .now = now};
    }

    void complain_of(std::uint64_t number, const FieldProblem& problem)
    {
        constexpr std::size_t max_listed = 1000;
        if (progress_ != nullptr) {
            progress_->hide();
        }
        complain(escape(options_.file) + ":" + std::to_string(number) + ": " +
                 (problem.field.empty() ? "the line" : problem.field) + " " +
                 problem.why);
        if (problems_.size() < max_listed) {
            problems_.push_back({{"line", number},
                                 {"field", problem.field},
                                 {"why", problem.why}});
        }
    }

    void check_interrupt(std::uint64_t wanted) const
    {
        if (Interrupt::asked()) {
            throw Interrupted(std::to_string(imported_) + " of " +
                              std::to_string(wanted) +
                              " tokens are imported; the same command goes on "
                              "with the rest");
        }
    }

    void write(std::vector<SpooledToken>& some)
    {
        std::vector<ImportedToken> tokens;
        for (SpooledToken& spooled : some) {
            if (spooled.token.digest.empty()) {
                const NewString string;
                spooled.token.digest = string.digest();
                tokens_->add(spooled.line, spooled.token.record, string.text());
            }
            tokens.push_back(spooled.token);
        }
        if (tokens_) {
            tokens_->flush();
        }
        const std::size_t count = tokens.size();
        if (run_now(store_.import_all(std::move(tokens), actor_))) {
            imported_ += count;
        } else {
            write_singly(some);
        }
    }

    /// Somebody was faster with one of them.
    void write_singly(const std::vector<SpooledToken>& some)
    {
        for (const SpooledToken& spooled : some) {
            std::vector<ImportedToken> one{spooled.token};
            if (run_now(store_.import_all(std::move(one), actor_))) {
                imported_++;
            } else {
                late_++;
                complain_of(spooled.line,
                            {.field = "",
                             .why = "was not imported: its digest or id has "
                                    "been taken since it was checked"});
            }
        }
    }

    const ImportOptions& options_;
    Store& store_;
    Actor actor_;
    ImportSpool spool_;
    ImportCheck check_;
    std::optional<TokenFile> tokens_;
    Progress* progress_ = nullptr;
    std::uint64_t imported_ = 0;
    std::uint64_t late_ = 0;
    ordered_json problems_ = ordered_json::array();
};

std::string plural(std::uint64_t count, const char* noun)
{
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

void print_defaults(const ImportOptions& options, const ImportCounts& counts)
{
    if (counts.ownerless > 0) {
        print(plural(counts.ownerless, "token") + " had no owner: " +
              (options.owner.empty()
                   ? login_name() + ", your login name; --owner sets another"
                   : options.owner) +
              "\n");
    }
    if (counts.endless > 0) {
        print(plural(counts.endless, "token") + " had no expiry: " +
              options.expires + "; --expires sets another\n");
    }
}

void print_summary(const ImportOptions& options, const Import& import)
{
    const ImportCounts& counts = import.counts();
    std::string text = plural(counts.lines, "line") + ": ";
    text += options.check ? std::to_string(counts.fresh) + " can be imported"
                          : std::to_string(import.imported()) + " imported";
    text += ", " + std::to_string(counts.there) + " there already, " +
            std::to_string(import.bad()) + " bad\n";
    print(text);
    if (import.imported() > 0) {
        print_defaults(options, counts);
    }
    if (counts.unnamed > 0 && import.imported() > 0) {
        print("The strings of " + plural(counts.unnamed, "new token") +
              " are in " + escape(options.tokens_to) +
              ", and nowhere else: keep it as you would keep them\n");
    }
}

ordered_json summary_json(const Import& import, const Replication& done)
{
    const ImportCounts& counts = import.counts();
    return {{"lines", counts.lines},
            {"imported", import.imported()},
            {"there_already", counts.there},
            {"bad", import.bad()},
            {"problems", import.problems()},
            {"replicated", replication_json(done)}};
}

int import_file(const ImportOptions& options, Environment& environment)
{
    const Interrupt interrupt;
    Import import(options, environment);
    import.check();
    const ImportCounts& counts = import.counts();
    const bool writes = !options.check && (counts.bad == 0 || options.skip_bad);
    if (writes && counts.unnamed > 0 && options.tokens_to.empty()) {
        refuse(plural(counts.unnamed, "line") + " of " + escape(options.file) +
               " name neither token nor digest, so that strings are to be "
               "made: say where they are to be written, with --tokens-to FILE. "
               "Nothing was imported");
    }
    if (writes) {
        import.write();
    }
    const Replication done =
        import.imported() > 0 ? environment.replicated() : Replication{};
    if (environment.json) {
        print_json(summary_json(import, done));
    } else {
        print_summary(options, import);
    }
    if (!writes && !options.check) {
        complain("nothing was imported: mend the lines that are named, or "
                 "leave them out with --skip-bad");
    }
    const int reported =
        report(done, "look after the replicas, then run this command again");
    return reported != yes ? reported : import.bad() == 0 ? yes : no;
}

} // namespace

Action define_import(Syntax syntax)
{
    auto options = std::make_shared<ImportOptions>();
    syntax
        .add("FILE", options->file,
             "JSON Lines, as `psm-token export` prints them; `-` is "
             "standard input")
        .takes(takes_file)
        .required();
    syntax
        .add("--format", options->format,
             "As psm_token_format: any takes tokens of another issuer")
        .takes("psm|any")
        .shows_preset();
    syntax
        .add("--owner", options->owner,
             "For lines without an owner; your login name if not given")
        .takes("NAME");
    syntax
        .add("--expires", options->expires,
             "For lines without expires_at: 12h, 30d, 2027-01-31, a full "
             "time, or never")
        .takes("TIME")
        .shows_preset();
    syntax
        .add("--tokens-to", options->tokens_to,
             "Where the strings go that are made for lines which name "
             "neither token nor digest; mode 0600")
        .takes(takes_file);
    syntax.add_flag("--skip-bad", options->skip_bad,
                    "Import the good lines although others are bad");
    syntax.add_flag("--check", options->check, "Only say what is wrong");
    return [options](Environment& environment) {
        return import_file(*options, environment);
    };
}

} // namespace psm::cli
