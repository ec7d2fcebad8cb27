// SPDX-License-Identifier: BSD-2-Clause
//
// GET /account/tokens, and GET and DELETE of a single one.

#include "api_problem.hpp"
#include "api_token.hpp"
#include "token_json.hpp"
#include "token_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace psm {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t default_limit = 100;

// A record has up to 64 KiB, and others wait for the connection to Redis and
// for the processor: so few are read at once, and so many, or so much, by one
// answer.
constexpr std::size_t page_size = 25;
constexpr std::size_t max_looked = 5000;
constexpr std::size_t max_read = std::size_t{2} * 1024 * 1024;

// Of `owner`: whoever's tokens the caller may see.
constexpr std::string_view everybody = "*";

/// What the arguments ask for.
struct Wish {
    std::string owner; // "": everybody
    std::size_t limit = default_limit;
    TokenRange range; // whose limit is that of a page
    TokenFilter filter;
};

void read_words(const ApiArgs& args, TokenFilter& filter,
                FieldProblems& problems)
{
    const auto judge = [&](const char* name, auto problem) {
        std::string text = args.text(name).value_or("");
        if (!text.empty()) {
            if (auto why = problem(text)) {
                problems.push_back({name, std::move(*why)});
            }
        }
        return text;
    };
    filter.channel = judge("channel", channel_problem);
    filter.scope = judge("scope", scope_problem);
    filter.text = args.text("q").value_or("");
    if (const auto type = args.text("type")) {
        filter.kind = *type == "scope" ? TokenKind::scope : TokenKind::resource;
        if (*type != "scope" && *type != "resource") {
            problems.push_back({"type", "is neither resource nor scope"});
        }
    }
    const auto state = args.text("state");
    for (const TokenState one : {TokenState::active, TokenState::expired,
                                 TokenState::disabled, TokenState::deleted}) {
        if (state && *state == state_name(one)) {
            filter.state = one;
        }
    }
    if (state && !filter.state) {
        problems.push_back(
            {"state", "is none: use active, expired, disabled or deleted"});
    }
    filter.expiring = args.duration("expiring", problems);
    filter.unused = args.duration("unused", problems);
}

/// The index that has the fewest others in it. The newest come first: clients
/// of PSM take the first of a name. Where it is about the end of tokens, what
/// ends first does.
void choose_index(Wish& wish, std::int64_t now)
{
    TokenRange& range = wish.range;
    range.reverse = true;
    if (wish.filter.state == TokenState::deleted) {
        range.index = TokenRange::Index::deleted;
    } else if (!wish.owner.empty()) {
        range.index = TokenRange::Index::owner;
        range.name = wish.owner;
    } else if (wish.filter.state == TokenState::expired) {
        range.index = TokenRange::Index::expiry;
        range.until = now;
    } else if (wish.filter.expiring) {
        range.index = TokenRange::Index::expiry;
        range.reverse = false;
        range.from = now;
        range.until = std::min(now + *wish.filter.expiring, max_time);
    }
}

/// Whether few tokens of an index may match.
bool is_sparse(const TokenFilter& filter)
{
    return !filter.channel.empty() || !filter.scope.empty() ||
           !filter.text.empty() || filter.kind || filter.state ||
           filter.expiring || filter.unused;
}

Wish read_wish(const ApiCall& call)
{
    FieldProblems problems;
    Wish wish;
    wish.owner = call.args.text("owner").value_or(call.caller.user);
    if (wish.owner == everybody) {
        wish.owner = call.caller.admin ? "" : call.caller.user;
    } else if (auto why = owner_problem(wish.owner)) {
        problems.push_back({"owner", std::move(*why)});
    }
    read_words(call.args, wish.filter, problems);
    wish.filter.owner = wish.owner;
    wish.range.after = call.args.text("after").value_or("");
    wish.limit = call.args.number("limit", 1, max_page, problems)
                     .value_or(default_limit);
    refuse_if_any(std::move(problems));
    choose_index(wish, call.request->now);
    wish.range.limit = is_sparse(wish.filter)
                           ? page_size
                           : std::min(wish.limit + 1, page_size);
    return wish;
}

ordered_json listed_json(const StoredToken& token)
{
    if (!token.problem) {
        return token_json(token);
    }
    return {{"id", token.record.id}, {"problem", *token.problem}};
}

/// Without a wish for a state: those that live, and no old strings. Nobody
/// knows what a damaged record is about: who sees all sees it.
bool is_wanted(const Wish& wish, const Caller& caller, const StoredToken& token,
               std::int64_t now)
{
    const bool any_state = wish.filter.state.has_value();
    if (token.problem) {
        return caller.admin && wish.filter == TokenFilter{};
    }
    const TokenRecord& record = token.record;
    return is_master(caller, record.owner) &&
           (any_state || (!record.deleted && record.superseded_by.empty())) &&
           matches(wish.filter, token, now);
}

} // namespace

Task<ApiResponse> list_tokens(ApiCall* call)
{
    Wish wish = read_wish(*call);
    ordered_json items = ordered_json::array();
    std::string last; // place of the last item
    if (!wish.owner.empty() && !is_master(call->caller, wish.owner)) {
        co_return json_response(list_json(std::move(items)));
    }
    std::string& after = wish.range.after;
    std::size_t looked = 0;
    std::size_t read = 0;
    do {
        TokenRange range = wish.range;
        const std::optional<TokenPage> page =
            co_await call->store->list(std::move(range));
        if (!page) {
            refuse(Fault::request_invalid,
                   {{"after", "is not the next of another answer"}});
        }
        after = page->next;
        for (std::size_t i = 0; i < page->tokens.size(); i++) {
            const StoredToken& token = page->tokens[i];
            read += token.json.size();
            if (!is_wanted(wish, call->caller, token, call->request->now)) {
                continue;
            }
            if (items.size() == wish.limit) {
                co_return json_response(list_json(std::move(items), last));
            }
            items.push_back(listed_json(token));
            last = page->places[i];
        }
        looked += wish.range.limit;
    } while (!after.empty() && looked < max_looked && read < max_read);
    co_return json_response(list_json(std::move(items), after));
}

Task<StoredToken> find_token(ApiCall* call, bool damaged)
{
    if (!is_token_id(call->place)) {
        refuse(Fault::not_found);
    }
    std::string id = call->place;
    std::optional<StoredToken> found =
        co_await call->store->find_id(std::move(id));
    const bool visible =
        found &&
        (found->problem ? call->caller.admin
                        : is_master(call->caller, found->record.owner));
    if (!visible) {
        refuse(Fault::not_found);
    }
    if (found->problem && !damaged) {
        refuse(Fault::token_damaged, {{"record", *found->problem}});
    }
    co_return std::move(*found);
}

void check_if_match(const std::optional<std::string>& if_match,
                    std::int64_t rev)
{
    if (!if_match) {
        return;
    }
    std::string_view rest = *if_match;
    const auto skip = [&rest](std::string_view these) {
        rest.remove_prefix(
            std::min(rest.find_first_not_of(these), rest.size()));
    };
    skip(" \t");
    if (rest.substr(0, rest.find_last_not_of(" \t") + 1) == "*") {
        return;
    }
    // Opaque tags between quotes; W/ before one, which never matches.
    const std::string wanted = '"' + std::to_string(rev) + '"';
    while (!rest.empty()) {
        const std::string_view tag = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(tag.size() + 1, rest.size()));
        if (tag.substr(0, tag.find_last_not_of(" \t") + 1) == wanted) {
            return;
        }
        skip(" \t");
    }
    throw Refusal({.fault = Fault::rev_mismatch, .rev = rev});
}

ApiResponse token_response(const StoredToken& token, std::string_view text)
{
    ApiResponse response = json_response(token_json(token));
    response.headers.emplace_back("ETag",
                                  '"' + std::to_string(token.record.rev) + '"');
    if (!text.empty()) {
        // Behind the rest, so that no copy of it is left in memory.
        std::string& body = response.body;
        constexpr std::string_view key = R"(,"token":")";
        body.pop_back();
        body.reserve(body.size() + key.size() + text.size() + 2);
        body.append(key).append(text).append("\"}");
    }
    return response;
}

Task<ApiResponse> show_token(ApiCall* call)
{
    const StoredToken token = co_await find_token(call, false);
    co_return token_response(token);
}

Task<ApiResponse> delete_token(ApiCall* call)
{
    StoredToken token = co_await find_token(call, true);
    check_if_match(call->request->if_match, token.record.rev);
    Actor actor = call->actor();
    Premises premises = call->caller.premises;
    const Store::Removal removal = co_await call->store->remove(
        std::move(token), std::move(actor), std::move(premises));
    if (removal == Store::Removal::changed) {
        throw Crossed();
    }
    co_return ApiResponse{.status = 204};
}

} // namespace psm
