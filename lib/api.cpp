// SPDX-License-Identifier: BSD-2-Clause
//
// The table of routes, and what comes before and behind every one of them.

#include "api.hpp"

#include "api_audit.hpp"
#include "api_call.hpp"
#include "api_problem.hpp"
#include "text.hpp"
#include "token_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>

namespace psm {

namespace {

/// What asking takes.
enum class Need : std::uint8_t {
    identity,    // a good token, or a person
    token,       // a good token
    view_tokens, // user.token:view, of a token
    edit_tokens, // user.token:edit, of a token
    admin,       // an administrator, with user.token:view of a token
};

using Names = std::span<const std::string_view>;

constexpr std::string_view page_args[] = {"limit", "offset",
                                          "include_subchannels"};
constexpr std::string_view token_args[] = {
    "limit", "after", "owner", "channel",  "scope",
    "type",  "state", "q",     "expiring", "unused",
};
constexpr std::string_view audit_args[] = {"limit", "after", "denied"};

struct Route {
    std::string_view method;
    std::string_view pattern; // {id}: one segment; {path}: all the rest
    Need need;
    Task<ApiResponse> (*answer)(ApiCall*);
    Names args{};
};

constexpr Route routes[] = {
    {"GET", "/account", Need::identity, show_account},
    {"GET", "/account/scopes", Need::identity, list_scopes},
    {"GET", "/account/channels", Need::identity, list_channels, page_args},
    {"GET", "/account/token-info", Need::token, show_own_token},
    {"GET", "/account/tokens", Need::view_tokens, list_tokens, token_args},
    {"POST", "/account/tokens", Need::edit_tokens, create_token},
    {"GET", "/account/tokens/{id}", Need::view_tokens, show_token},
    {"PUT", "/account/tokens/{id}", Need::edit_tokens, change_token},
    {"DELETE", "/account/tokens/{id}", Need::edit_tokens, delete_token},
    {"GET", "/channels/{path}", Need::identity, show_channel},
    {"PUT", "/channels/{path}", Need::identity, change_channel},
    {"POST", "/explain", Need::identity, explain_request},
    {"GET", "/audit", Need::admin, list_audit, audit_args},
};

constexpr int max_attempts = 10;

/// What stands in the place of the pattern's {}; nullopt: it does not match.
std::optional<std::string_view> match(std::string_view pattern,
                                      std::string_view path)
{
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) {
        return pattern == path ? std::optional(std::string_view())
                               : std::nullopt;
    }
    if (!path.starts_with(pattern.substr(0, open)) || path.size() == open) {
        return std::nullopt;
    }
    const std::string_view place = path.substr(open);
    const bool one = pattern.substr(open) == "{id}";
    if (one && place.find('/') != std::string_view::npos) {
        return std::nullopt;
    }
    return place;
}

/// HEAD is as GET, without the body, which the server leaves out.
const Route& find_route(ApiCall& call)
{
    const ApiRequest& request = *call.request;
    std::string allow;
    for (const Route& route : routes) {
        const auto place = match(route.pattern, request.path);
        if (!place) {
            continue;
        }
        const bool is_get = route.method == "GET";
        if (request.method == route.method ||
            (is_get && request.method == "HEAD")) {
            call.place = *place;
            return route;
        }
        allow += (allow.empty() ? "" : ", ") + std::string(route.method) +
                 (is_get ? ", HEAD" : "");
    }
    if (allow.empty()) {
        refuse(Fault::route_unknown);
    }
    throw Refusal({.fault = Fault::method_not_allowed, .allow = allow});
}

bool is_json(std::string_view type)
{
    type = type.substr(0, type.find(';'));
    type = type.substr(0, type.find_last_not_of(" \t") + 1);
    return iequals(type, "application/json");
}

/// A browser sends the body of a form without asking, but not JSON; and who a
/// person is it sends with whatever another site makes it send (T111).
void check_origin(const ApiRequest& request, const Route& route)
{
    if (request.body.size() > max_api_body) {
        refuse(Fault::body_too_large);
    }
    if (route.method == "GET") {
        return;
    }
    const bool has_body = !request.body.empty() || route.method == "POST";
    if (has_body && !is_json(request.content_type)) {
        refuse(Fault::media_type);
    }
    if (is_ambient(request.caller) && !request.origin.empty() &&
        !iequals(request.origin, request.site)) {
        refuse(Fault::cross_site);
    }
}

void check_need(const Caller& caller, Need need)
{
    switch (need) {
    case Need::identity:
        return;
    case Need::token:
        if (!caller.token) {
            refuse(Reason::token_missing);
        }
        return;
    case Need::view_tokens:
    case Need::edit_tokens:
        if (!may(caller, need == Need::view_tokens ? "user.token:view"
                                                   : "user.token:edit")) {
            refuse(Reason::scope_missing);
        }
        return;
    case Need::admin:
        if (!caller.admin || !may(caller, "user.token:view")) {
            refuse(Fault::admin_needed);
        }
        return;
    }
}

Task<ApiResponse> serve(ApiCall* call, const Route* route)
{
    const ApiRequest& request = *call->request;
    check_origin(request, *route);
    ApiCaller shown = request.caller;
    co_await identify(call->store, std::move(shown), request.now,
                      &call->caller);
    check_need(call->caller, route->need);
    call->args = ApiArgs(request.args, route->args);
    ApiResponse response = co_await route->answer(call);
    co_return response;
}

ApiResponse finished(ApiResponse response)
{
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    return response;
}

/// A body may hold a token.
class Wiped {
public:
    explicit Wiped(std::string& text) noexcept : text_(text) {}

    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;

    ~Wiped() { wipe(text_); }

private:
    std::string& text_;
};

} // namespace

Actor ApiCall::actor() const
{
    return {.who = caller.user,
            .token = caller.token ? caller.token->record.id : "",
            .request = request->request_id,
            .client = request->client,
            .now = request->now};
}

ApiResponse json_response(const nlohmann::ordered_json& json)
{
    return {.status = 200, .type = "application/json", .body = dump_json(json)};
}

Task<ApiResponse> Api::answer(ApiRequest request)
{
    const Wiped wiped(request.body);
    ApiCall call{.store = &store_, .limits = &limits_, .request = &request};
    const Route* route = nullptr;
    ApiProblem problem{.fault = Fault::changed_meanwhile};
    bool crossed = true;
    for (int attempt = 0; crossed && attempt < max_attempts; attempt++) {
        try {
            call.caller = Caller();
            route = &find_route(call);
            ApiResponse response = co_await serve(&call, route);
            co_return finished(std::move(response));
        } catch (const Refusal& refusal) {
            problem = refusal.problem();
            crossed = false;
        } catch (const Crossed&) {
            continue;
        }
    }
    const bool token_came = !is_ambient(request.caller);
    if (route != nullptr && is_denial(problem, token_came)) {
        const std::string_view pattern = route->pattern;
        co_await note_denial(&call, pattern, &problem, &notes_);
    }
    co_return finished(
        problem_response(problem, request.request_id, token_came));
}

ApiResponse unavailable_response(std::string_view request_id, bool changing)
{
    const ApiProblem problem =
        changing ? ApiProblem{.fault = Fault::outcome_unknown}
                 : ApiProblem{.reason = Reason::store_unavailable};
    return finished(problem_response(problem, request_id, true));
}

ApiResponse too_large_response(std::string_view request_id)
{
    const ApiProblem problem{.fault = Fault::body_too_large};
    return finished(problem_response(problem, request_id, true));
}

} // namespace psm
