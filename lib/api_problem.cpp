// SPDX-License-Identifier: BSD-2-Clause

#include "api_problem.hpp"

#include "clock_text.hpp"
#include "problem.hpp"
#include "record.hpp"
#include "text.hpp"
#include "token_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm {

// clang-format off
constexpr std::array<FaultInfo, fault_count> faults{{
    {"route_unknown", 404, "There is no such address",
     "Check the path of the request."},
    {"method_not_allowed", 405, "This address does not take the method",
     "The Allow header says which it takes."},
    {"media_type", 415, "The body is not declared as JSON",
     "Send it with Content-Type: application/json."},
    {"body_too_large", 413, "The body is too large",
     "Send at most 64 KiB."},
    {"cross_site", 403, "The request comes from another site",
     "Use the page of this server, or a token in a header."},
    {"user_name", 403, "This user name cannot own tokens",
     "Ask the administrator for a name of 1 to 128 letters, digits and "
     ". _ @ + -."},
    {"request_invalid", 400, "The request is not valid",
     "Correct what is named, then try again."},
    {"not_found", 404, "There is no such thing here",
     "It was never there, is gone for good, or is somebody else's."},
    {"admin_needed", 403, "Only administrators may do this",
     "Ask one of them."},
    {"grants_exceeded", 403, "Nobody hands out more than he has",
     "Leave out what is named, or ask someone who has it."},
    {"owner_exceeded", 422, "The owner may not have that much",
     "Leave out what is named, or change the owner's rights first."},
    {"rev_mismatch", 412, "The token has been changed",
     "Read it again, then decide anew."},
    {"changed_meanwhile", 409, "Others are changing this all the time",
     "Nothing was done. Try again."},
    {"token_deleted", 409, "The token has been deleted",
     "Create a new one."},
    {"token_superseded", 409, "This is the old string of a re-issued token",
     "It ends by itself. Edit the token that it belongs to, or delete it."},
    {"token_damaged", 409, "The token's record is damaged",
     "Nobody can use it. Delete it and create another."},
    {"user_damaged", 409, "The record of the user is damaged",
     "Tell the administrator: nothing can be handed out until it is written "
     "again."},
    {"outcome_unknown", 503, "It is not known whether this was done",
     "The server lost its token store while it made the change. Look whether "
     "it has been made before you try again."},
}};

// clang-format on

namespace {

using nlohmann::ordered_json;

constexpr std::string_view problem_type = "application/problem+json";
constexpr std::size_t max_listed = 5; // in the text; `errors` has all

std::string keep_hex(std::string_view text)
{
    std::string kept;
    std::ranges::copy_if(text, std::back_inserter(kept),
                         [](char c) { return hex_value(c) >= 0; });
    return kept;
}

/// Its row of either table.
FaultInfo row_of(const ApiProblem& problem)
{
    if (!problem.reason) {
        return info(problem.fault);
    }
    const ReasonInfo& row = info(*problem.reason);
    return {.code = row.code,
            .status = row.status,
            .title = row.title,
            .help = row.help};
}

/// For clients that print a text, and nothing of `errors`.
std::string message_of(const ApiProblem& problem, std::string_view help)
{
    const FieldProblems& errors = problem.errors;
    std::string text;
    for (std::size_t i = 0; i < errors.size() && i < max_listed; i++) {
        text += errors[i].field;
        text += errors[i].field.empty() ? "" : " ";
        text += errors[i].why + ". ";
    }
    if (errors.size() > max_listed) {
        text += "And " + std::to_string(errors.size() - max_listed) + " more. ";
    }
    if (problem.reason == Reason::token_expired && problem.expires >= 0 &&
        problem.expires <= max_time) {
        text += "It expired at " + format_time(problem.expires) + ". ";
    }
    return text.append(help);
}

/// Without the `error` of the gate's denials: where that is a text, today's
/// anaconda-client ends with an exception of its own.
std::string body_of(const ApiProblem& problem, std::string_view request_id)
{
    const FaultInfo row = row_of(problem);
    const std::string id = keep_hex(request_id);
    const std::string message = message_of(problem, row.help);
    ordered_json json{{"type", "about:blank"},
                      {"title", row.title},
                      {"status", row.status},
                      {"detail", message + " (request " + id + ")"},
                      {"instance", "urn:psm:request:" + id},
                      {"reason", row.title},
                      {"message", message},
                      {"code", row.code},
                      {"request_id", id}};
    if (!problem.errors.empty()) {
        auto& errors = json["errors"] = ordered_json::array();
        for (const FieldProblem& error : problem.errors) {
            errors.push_back({{"field", error.field}, {"detail", error.why}});
        }
    }
    if (problem.rev) {
        json["rev"] = *problem.rev;
    }
    return dump_json(json);
}

} // namespace

std::uint16_t ApiProblem::status() const noexcept
{
    return row_of(*this).status;
}

std::string_view ApiProblem::code() const noexcept
{
    return row_of(*this).code;
}

void refuse(Fault fault, FieldProblems errors)
{
    throw Refusal({.fault = fault, .errors = std::move(errors)});
}

void refuse(Reason reason, std::int64_t expires)
{
    throw Refusal({.reason = reason, .expires = expires});
}

void refuse_if_any(FieldProblems errors)
{
    if (!errors.empty()) {
        refuse(Fault::request_invalid, std::move(errors));
    }
}

ApiResponse problem_response(const ApiProblem& problem,
                             std::string_view request_id, bool token_came)
{
    ApiResponse response{.status = problem.status(),
                         .type = std::string(problem_type),
                         .body = body_of(problem, request_id)};
    if (response.status == 401) {
        response.headers.emplace_back("WWW-Authenticate",
                                      challenge(token_came));
    }
    if (response.status == 503) {
        response.headers.emplace_back("Retry-After", "2");
    }
    if (!problem.allow.empty()) {
        response.headers.emplace_back("Allow", problem.allow);
    }
    if (problem.rev) {
        response.headers.emplace_back("ETag",
                                      '"' + std::to_string(*problem.rev) + '"');
    }
    return response;
}

} // namespace psm
