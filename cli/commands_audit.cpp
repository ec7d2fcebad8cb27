// SPDX-License-Identifier: BSD-2-Clause
//
// audit: who changed what, and what was refused.

#include "audit_reader.hpp"
#include "command.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "json_list.hpp"
#include "output.hpp"
#include "redis_client.hpp"

#include "../lib/clock_text.hpp"
#include "../lib/token_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace psm::cli {

namespace {

constexpr auto interval = std::chrono::milliseconds(500);
constexpr int max_wait = 20; // intervals between attempts to connect

struct AuditOptions {
    std::string since;
    std::string only;
    std::string id;
    bool follow = false;
};

/// "7d" ago, or a time.
std::int64_t parse_since(const std::string& text, std::int64_t now)
{
    if (text.empty()) {
        return 0;
    }
    if (const auto time = parse_time(text)) {
        return *time;
    }
    if (const auto duration = parse_duration(text)) {
        return std::max<std::int64_t>(now - *duration, 0);
    }
    refuse("--since " + in_quotes(text) +
           " is no time: write 12h, 7d, 2027-01-31 or 2027-01-31T10:00:00Z");
}

std::vector<AuditReader::Stream> parse_streams(const std::string& only)
{
    using Stream = AuditReader::Stream;
    if (only.empty()) {
        return {Stream::done, Stream::denied};
    }
    if (only == "done") {
        return {Stream::done};
    }
    if (only == "denied") {
        return {Stream::denied};
    }
    refuse("--only " + in_quotes(only) + " is none: use done or denied");
}

/// Whether an entry is about a token, channel or user, or of a change that was
/// made with the token. An import lists its ids.
bool concerns(const AuditEntry& entry, const std::string& id)
{
    return id.empty() || entry.event.id == id || entry.actor.token == id ||
           entry.event.after.find("\"" + id + "\"") != std::string::npos;
}

/// An import has long lists, which are not for people.
void print_member(const char* name, const std::string& value)
{
    constexpr std::size_t max_shown = 400;
    if (value.empty()) {
        return;
    }
    const bool whole = value.size() <= max_shown;
    print(std::string("    ") + name + " " +
          escape(std::string_view(value).substr(0, max_shown)) +
          (whole ? "" : " ... (--json shows all of it)") + "\n");
}

/// Texts of an entry may be anybody's.
void print_entry(const AuditEntry& entry)
{
    const Actor& actor = entry.actor;
    print(format_time(actor.now) + "  " + escape(entry.event.what) +
          (entry.event.id.empty() ? "" : " " + escape(entry.event.id)) +
          (actor.who.empty() ? "" : "  by " + escape(actor.who)) +
          (actor.client.empty() ? "" : " from " + escape(actor.client)) + "\n");
    print_member("token", actor.token);
    print_member("request", actor.request);
    print_member("before", entry.event.before);
    print_member("after", entry.event.after);
}

void print_all(AuditReader& reader, const std::string& id,
               Environment& environment)
{
    JsonList list;
    for (auto entries = reader.next(environment.store()); !entries.empty();
         entries = reader.next(environment.store())) {
        for (const AuditEntry& entry : entries) {
            if (!concerns(entry, id)) {
                continue;
            }
            if (environment.json) {
                list.add(audit_json(entry));
            } else {
                print_entry(entry);
            }
        }
        if (Interrupt::asked()) {
            throw Interrupted("there are more entries");
        }
    }
    if (environment.json) {
        list.end("", nullptr);
    }
}

/// An entry a line, so that who reads them knows when one is complete.
void print_now(const std::vector<AuditEntry>& entries, const std::string& id,
               bool json)
{
    for (const AuditEntry& entry : entries) {
        if (!concerns(entry, id)) {
            continue;
        }
        if (json) {
            print(dump_json(audit_json(entry)) + "\n");
        } else {
            print_entry(entry);
        }
    }
    if (!entries.empty() && std::fflush(stdout) != 0) {
        throw Failure(cannot_tell, "cannot write all of the output");
    }
}

/// Until Ctrl-C, which is how it is meant to end. A Redis that is away is
/// waited for.
int follow(AuditReader& reader, const std::string& id, Environment& environment)
{
    int wait = 1;
    bool lost = false;
    while (!Interrupt::asked()) {
        try {
            auto entries = reader.next(environment.store());
            if (std::exchange(lost, false)) {
                complain("Redis answers again");
            }
            wait = 1;
            print_now(entries, id, environment.json);
            if (!entries.empty()) {
                continue;
            }
        } catch (const RedisFailure& failure) {
            if (!std::exchange(lost, true)) {
                complain(std::string(failure.what()) + ": trying again");
            }
            environment.disconnect();
            wait = std::min(2 * wait, max_wait);
        }
        for (int i = 0; i < wait && !Interrupt::asked(); i++) {
            std::this_thread::sleep_for(interval);
        }
    }
    return yes;
}

int audit(const AuditOptions& options, Environment& environment)
{
    AuditReader reader(parse_streams(options.only),
                       parse_since(options.since, environment.now));
    const Interrupt interrupt;
    if (options.follow) {
        // What is wrong from the beginning is not waited for.
        static_cast<void>(environment.store());
        return follow(reader, options.id, environment);
    }
    print_all(reader, options.id, environment);
    return yes;
}

} // namespace

Action define_audit(Syntax syntax)
{
    auto options = std::make_shared<AuditOptions>();
    syntax
        .add("--since", options->since,
             "From then on: 12h or 7d ago, 2027-01-31, or a full time; "
             "all there are if not given")
        .takes("TIME");
    syntax.add("--only", options->only, "What was done, or what was refused")
        .takes("done|denied");
    syntax.add("--id", options->id,
               "Only about this token, channel or user, or done with this "
               "token");
    syntax.add_flag(
        "-f,--follow", options->follow,
        "Go on with what comes, until Ctrl-C; with --json an entry a "
        "line");
    return [options](Environment& environment) {
        return audit(*options, environment);
    };
}

} // namespace psm::cli
