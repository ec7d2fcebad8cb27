// SPDX-License-Identifier: BSD-2-Clause
//
// GET /audit, and what is noted of refusals.

#include "api_audit.hpp"

#include "channel.hpp"
#include "quote.hpp"
#include "text.hpp"
#include "token_json.hpp"
#include "token_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>

namespace psm {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t default_limit = 100;

// An entry has up to two records of 64 KiB: see api_tokens.cpp.
constexpr std::size_t batch = 10;
constexpr std::size_t max_read = std::size_t{2} * 1024 * 1024;

/// "1790000000000-0", an id of a stream.
bool is_entry_id(std::string_view text)
{
    constexpr std::size_t max_digits = 19;
    const auto is_number = [](std::string_view part) {
        return !part.empty() && part.size() <= max_digits &&
               std::ranges::all_of(part, is_digit);
    };
    const std::size_t dash = text.find('-');
    return dash != std::string_view::npos && is_number(text.substr(0, dash)) &&
           is_number(text.substr(dash + 1));
}

AuditEvent denied_event(const ApiCall& call, std::string_view route,
                        const ApiProblem& problem, std::uint64_t left_out)
{
    ordered_json what{{"code", problem.code()},
                      {"method", call.request->method},
                      {"route", route}};
    if (left_out > 0) {
        what["left_out"] = left_out;
    }
    // Another issuer's token, pasted for an id, has the form of one.
    const bool plain =
        (is_token_id(call.place) || is_channel_path(call.place)) &&
        excerpt(call.place) == call.place;
    return {.what = "denied",
            .id = plain ? call.place : "",
            .before = "",
            .after = dump_json(what)};
}

} // namespace

Task<ApiResponse> list_audit(ApiCall* call)
{
    FieldProblems problems;
    const std::size_t limit = call->args.number("limit", 1, max_page, problems)
                                  .value_or(default_limit);
    const bool denied = call->args.flag("denied", problems).value_or(false);
    std::string after = call->args.text("after").value_or("");
    if (!after.empty() && !is_entry_id(after)) {
        problems.push_back({"after", "is not the next of another answer"});
    }
    refuse_if_any(std::move(problems));

    const auto stream =
        denied ? Store::AuditStream::denied : Store::AuditStream::done;
    ordered_json items = ordered_json::array();
    std::size_t read = 0;
    bool more = true;
    while (more && items.size() < limit && read < max_read) {
        const std::size_t wanted = std::min(batch, limit - items.size());
        std::string behind = after;
        const std::vector<AuditEntry> entries =
            co_await call->store->audit(stream, std::move(behind), wanted);
        for (const AuditEntry& entry : entries) {
            read += entry.event.before.size() + entry.event.after.size();
            items.push_back(audit_json(entry));
            after = entry.id;
        }
        more = entries.size() == wanted;
    }
    co_return json_response(list_json(std::move(items), more ? after : ""));
}

bool is_denial(const ApiProblem& problem, bool token_came)
{
    return problem.status() == 403 || (problem.status() == 401 && token_came);
}

Task<void> note_denial(ApiCall* call, std::string_view route,
                       const ApiProblem* problem, DenialNotes* notes)
{
    if (notes->at == call->request->now) {
        notes->left_out++;
        co_return;
    }
    const std::uint64_t left_out = std::exchange(notes->left_out, 0);
    notes->at = call->request->now;
    AuditEvent event = denied_event(*call, route, *problem, left_out);
    Actor actor = call->actor();
    try {
        co_await call->store->note(std::move(event), std::move(actor));
    } catch (const std::exception&) {
        notes->left_out += left_out + 1;
    }
}

} // namespace psm
