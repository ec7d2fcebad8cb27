// SPDX-License-Identifier: BSD-2-Clause
//
// POST /account/tokens and PUT of a single one: what is wanted, whether the
// caller may hand it out, and whether the owner may have it.

#include "api_problem.hpp"
#include "api_token.hpp"
#include "clock_text.hpp"
#include "new_string.hpp"
#include "token_draft.hpp"

#include <algorithm>

namespace psm {

namespace {

constexpr std::int64_t day = 24 * std::int64_t{3600};

void refuse_excess(Fault fault, const std::vector<Excess>& found)
{
    if (!found.empty()) {
        refuse(fault, problems_of(found));
    }
}

/// Of a token for which none was named.
std::int64_t default_expiry(const ApiCall& call)
{
    return std::min(call.caller.authority.until,
                    call.request->now + call.limits->default_age);
}

/// Administrators are bound by it, too: whoever wants more uses the command
/// line.
void check_age(const ApiCall& call, std::int64_t expires)
{
    const std::int64_t max_age = call.limits->max_age;
    const std::int64_t latest = call.request->now + max_age;
    if (max_age == 0 || expires <= latest) {
        return;
    }
    refuse(Fault::request_invalid,
           {{"expires_at",
             (expires == never_expires ? std::string("cannot be never")
                                       : "cannot be " + format_time(expires)) +
                 ": tokens made here last at most " +
                 std::to_string(max_age / day) + " days, until " +
                 format_time(std::min(latest, max_time))}});
}

/// Scopes reach no further than those of their maker, unless it says so.
void limit_reach(const Caller& caller, TokenDraft& draft)
{
    const Reach reach = reach_of(hand_out(caller));
    if (draft.scopes && !draft.channels && !reach.everywhere() &&
        !reach.nowhere()) {
        draft.channels = reach.channels();
    }
}

void check_owner(const Caller& caller, const TokenDraft& draft,
                 const std::string& owner)
{
    if (is_master(caller, owner)) {
        return;
    }
    if (draft.service_account) {
        refuse(Fault::grants_exceeded,
               {{"service_account", "is of a channel that you do not manage: "
                                    "ask for manage permission on it"}});
    }
    refuse(Fault::grants_exceeded,
           {{"owner", "is somebody else: only administrators make tokens for "
                      "others"}});
}

/// What the owner's own record says, whoever makes the token.
Task<void> check_owner_rights(ApiCall* call, TokenRecord before,
                              TokenRecord wanted, bool whole)
{
    std::string name = wanted.owner;
    const std::optional<StoredUser> owner =
        co_await call->store->find_user(std::move(name));
    call->caller.premises[call->store->key("user:", wanted.owner)] =
        owner ? owner->json : "";
    if (!owner) {
        co_return;
    }
    if (owner->problem) {
        refuse(Fault::user_damaged);
    }
    const Authority rights{.bounds = {rights_of(owner->record)}};
    refuse_excess(Fault::owner_exceeded, whole
                                             ? excess(rights, wanted)
                                             : excess(rights, before, wanted));
}

TokenRecord blank_record(const ApiCall& call)
{
    const Caller& caller = call.caller;
    TokenRecord record;
    record.id = make_token_id();
    record.owner = caller.user;
    record.created = call.request->now;
    record.expires = default_expiry(call);
    record.created_by = caller.token ? caller.token->record.id : caller.user;
    return record;
}

/// No body at all is `{}`: an old client of PSM sends that.
TokenDraft read_change(const ApiRequest& request)
{
    TokenDraft draft;
    if (!request.body.empty()) {
        refuse_if_any(
            read_draft(request.body, DraftKind::edit, request.now, draft));
    }
    return draft;
}

void check_changeable(const TokenRecord& record)
{
    if (record.deleted) {
        refuse(Fault::token_deleted);
    }
    if (!record.superseded_by.empty()) {
        refuse(Fault::token_superseded,
               {{"superseded_by", "is " + record.superseded_by}});
    }
}

Task<ApiResponse> edit(ApiCall* call, StoredToken before, TokenRecord after)
{
    StoredToken made = before;
    made.record = after;
    Actor actor = call->actor();
    Premises premises = call->caller.premises;
    const bool done =
        co_await call->store->edit(std::move(before), std::move(after),
                                   std::move(actor), std::move(premises));
    if (!done) {
        throw Crossed();
    }
    co_return token_response(made);
}

Task<ApiResponse> reissue(ApiCall* call, StoredToken before, TokenRecord after,
                          std::int64_t overlap)
{
    const NewString made_string;
    StoredToken made = before;
    made.record = after;
    std::optional<Store::Overlap> old;
    if (overlap > 0) {
        old = Store::Overlap{.id = make_token_id(),
                             .until = call->request->now + overlap};
    }
    std::string digest = made_string.digest();
    Actor actor = call->actor();
    Premises premises = call->caller.premises;
    const bool done = co_await call->store->reissue(
        std::move(before), std::move(after), std::move(digest), std::move(old),
        std::move(actor), std::move(premises));
    if (!done) {
        throw Crossed();
    }
    co_return token_response(made, made_string.text());
}

} // namespace

Task<ApiResponse> create_token(ApiCall* call)
{
    const ApiRequest& request = *call->request;
    TokenDraft draft;
    refuse_if_any(
        read_draft(request.body, DraftKind::create, request.now, draft));
    limit_reach(call->caller, draft);
    StoredToken made;
    refuse_if_any(apply_draft(draft, blank_record(*call), made.record));
    check_owner(call->caller, draft, made.record.owner);
    check_age(*call, made.record.expires);
    refuse_excess(Fault::grants_exceeded,
                  excess(hand_out(call->caller), made.record));
    TokenRecord nothing;
    TokenRecord record = made.record;
    co_await check_owner_rights(call, std::move(nothing), std::move(record),
                                true);

    const NewString made_string;
    std::string digest = made_string.digest();
    record = made.record;
    Actor actor = call->actor();
    Premises premises = call->caller.premises;
    const bool done =
        co_await call->store->create(std::move(record), std::move(digest),
                                     std::move(actor), std::move(premises));
    if (!done) {
        throw Crossed();
    }
    co_return token_response(made, made_string.text());
}

Task<ApiResponse> change_token(ApiCall* call)
{
    const ApiRequest& request = *call->request;
    const TokenDraft draft = read_change(request);
    const bool again = draft.reissue || draft.empty();
    StoredToken before = co_await find_token(call, false);
    check_if_match(request.if_match, before.record.rev);
    check_changeable(before.record);

    TokenRecord after;
    refuse_if_any(apply_draft(draft, before.record, after));
    if (again && !draft.expires && after.expires <= request.now) {
        after.expires = default_expiry(*call);
    }
    if (after.expires != before.record.expires) {
        check_age(*call, after.expires);
    }
    const Authority authority = hand_out(call->caller);
    // A new string is all of its grants, kept or not.
    refuse_excess(Fault::grants_exceeded,
                  again ? excess(authority, after)
                        : excess(authority, before.record, after));
    TokenRecord old = before.record;
    TokenRecord wanted = after;
    co_await check_owner_rights(call, std::move(old), std::move(wanted), again);
    if (again) {
        ApiResponse response =
            co_await reissue(call, std::move(before), std::move(after),
                             draft.overlap.value_or(0));
        co_return response;
    }
    ApiResponse response =
        co_await edit(call, std::move(before), std::move(after));
    co_return response;
}

} // namespace psm
