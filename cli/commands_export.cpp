// SPDX-License-Identifier: BSD-2-Clause
//
// export: what import reads. It holds digests, which let nobody in, and no
// string of a token.

#include "command.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "progress.hpp"

#include "../lib/import_line.hpp"
#include "../lib/store.hpp"

#include <unordered_set>

namespace psm::cli {

namespace {

struct ExportOptions {
    std::string owner;
    bool deleted = false;
};

class Export {
public:
    Export(Store& store, std::int64_t now)
        : store_(store), now_(now), progress_("exporting")
    {
    }

    /// In the order of their creation.
    void print_tokens(const std::string& owner)
    {
        Listing listing;
        listing.filter.owner = owner;
        static_cast<void>(list_tokens(
            store_, listing, now_,
            [this](const StoredToken& token) { print_token(token, false); }));
    }

    /// Of these no index has all: a re-issue leaves some of an id that lives.
    void print_tombstones(const std::string& owner)
    {
        constexpr std::size_t batch = 500;
        const std::string prefix = store_.key("t:", "");
        std::string cursor = "0";
        do {
            const RedisValue reply =
                run_now(store_.ask({"SCAN", cursor, "MATCH", prefix + "*",
                                    "COUNT", std::to_string(batch)}));
            // Flat: the cursor, the list, its elements.
            for (std::size_t i = 2; i < reply.elements.size(); i++) {
                print_tombstone(reply.elements[i].text.substr(prefix.size()),
                                owner);
            }
            cursor = reply.elements.at(0).text;
        } while (cursor != "0");
    }

    [[nodiscard]] bool complete() const noexcept { return left_out_ == 0; }

private:
    void print_tombstone(const std::string& digest, const std::string& owner)
    {
        // SCAN may name a key twice.
        if (seen_.contains(digest)) {
            return;
        }
        const auto token = run_now(store_.find_digest(digest));
        if (!token || token->problem || !token->record.deleted ||
            (!owner.empty() && token->record.owner != owner)) {
            return;
        }
        seen_.insert(digest);
        const RedisValue leads_to =
            run_now(store_.ask({"GET", store_.key("i:", token->record.id)}));
        print_token(*token, leads_to.text != digest);
    }

    void print_token(const StoredToken& token, bool reissued)
    {
        if (token.problem) {
            left_out_++;
            progress_.hide();
            complain("left out, its record is not valid: digest " +
                     token.digest + ": " + *token.problem);
            return;
        }
        print(export_line(token, reissued));
        print("\n");
        done_++;
        progress_.advance(1);
        if (Interrupt::asked()) {
            progress_.hide();
            throw Interrupted("only " + std::to_string(done_) +
                              " tokens were printed");
        }
    }

    Store& store_;
    std::int64_t now_;
    Progress progress_;
    std::unordered_set<std::string> seen_;
    std::uint64_t done_ = 0;
    std::uint64_t left_out_ = 0;
};

int export_all(const ExportOptions& options, Environment& environment)
{
    if (!options.owner.empty()) {
        check_owner(options.owner);
    }
    const Interrupt interrupt;
    Export exporting(environment.store(), environment.now);
    exporting.print_tokens(options.owner);
    if (options.deleted) {
        exporting.print_tombstones(options.owner);
    }
    return exporting.complete() ? yes : no;
}

} // namespace

Action define_export(Syntax syntax)
{
    auto options = std::make_shared<ExportOptions>();
    syntax.add("--owner", options->owner, "Only the tokens of this owner")
        .takes("NAME");
    syntax.add_flag(
        "--deleted", options->deleted,
        "Also those that were deleted or re-issued less than 30 days "
        "ago");
    return [options](Environment& environment) {
        return export_all(*options, environment);
    };
}

} // namespace psm::cli
