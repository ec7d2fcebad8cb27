// SPDX-License-Identifier: BSD-2-Clause

#include "api_caller.hpp"

#include "api_problem.hpp"
#include "token_draft.hpp"
#include "token_limits.hpp"

#include <algorithm>

namespace psm {

namespace {

/// As far as decide() goes without a channel: the token lives.
void judge(Standing standing, const std::string& packed, std::int64_t now)
{
    const Holder holder{.standing = standing, .identity = Identity(packed)};
    const Reason reason =
        decide({}, holder, ChannelPrivacy::closed, now).reason;
    const auto status = info(reason).status;
    if (status == 401 || status == 503) {
        refuse(reason, holder.identity.expires());
    }
}

/// Binds the caller by the record of his user, where there is one.
Task<void> bind_user(Store* store, Caller* caller)
{
    std::string name = caller->user;
    std::optional<StoredUser> user = co_await store->find_user(std::move(name));
    caller->premises[store->key("user:", caller->user)] =
        user ? user->json : "";
    if (!user) {
        co_return;
    }
    if (user->problem) {
        refuse(Fault::user_damaged);
    }
    caller->admin = caller->admin || user->record.admin;
    caller->authority.bounds.push_back(rights_of(user->record));
}

Task<void> identify_token(Store* store, std::string digest, std::int64_t now,
                          Caller* caller)
{
    std::optional<StoredToken> found =
        co_await store->find_digest(std::move(digest));
    if (!found || found->problem) {
        judge(found ? Standing::invalid : Standing::unknown, "", now);
    }
    caller->user = found->record.owner;
    caller->authority.bounds.push_back(rights_of(found->record));
    caller->authority.until = found->record.expires;
    caller->premises[store->key("t:", found->digest)] = found->json;
    caller->token = std::move(found);
    judge(Standing::known, pack(caller->token->record), now);
    co_await bind_user(store, caller);
}

Task<void> identify_person(Store* store, ApiCaller shown, Caller* caller)
{
    caller->user = std::move(shown.user);
    caller->admin = shown.admin;
    if (owner_problem(caller->user)) {
        refuse(Fault::user_name);
    }
    co_await bind_user(store, caller);
    if (caller->admin) {
        Rights all;
        all.everything = true;
        caller->authority.bounds.assign(1, all);
    }
}

} // namespace

Task<void> identify(Store* store, ApiCaller shown, std::int64_t now,
                    Caller* caller)
{
    if (shown.standing == Standing::known) {
        co_await identify_token(store, std::move(shown.digest), now, caller);
    } else if (shown.standing == Standing::anonymous && !shown.user.empty()) {
        co_await identify_person(store, std::move(shown), caller);
    } else {
        judge(shown.standing, "", now);
    }
}

bool may(const Caller& caller, std::string_view scope)
{
    return !caller.token || (caller.token->record.kind == TokenKind::scope &&
                             has_scope(caller.authority, scope));
}

bool has_everything(const Caller& caller)
{
    return caller.admin && may(caller, "user.token:edit");
}

bool may_on(const Caller& caller, std::string_view scope,
            std::string_view channel)
{
    if (has_everything(caller)) {
        return true;
    }
    const Level level = scopes[*find_scope(scope)].level;
    const auto& bounds = caller.authority.bounds;
    return !bounds.empty() &&
           std::ranges::all_of(bounds, [&](const Rights& rights) {
               return (has_scope(rights, scope) &&
                       reaches(rights.channels, channel)) ||
                      level_on(rights, channel) >= level;
           });
}

bool may_see(const Caller& caller, std::string_view channel)
{
    if (has_everything(caller)) {
        return true;
    }
    const auto& bounds = caller.authority.bounds;
    return !bounds.empty() &&
           std::ranges::all_of(bounds, [&](const Rights& rights) {
               return level_on(rights, channel) > Level::none ||
                      (channel_level(rights.scopes) > Level::none &&
                       reaches(rights.channels, channel));
           });
}

bool is_master(const Caller& caller, std::string_view owner)
{
    if (caller.admin || owner == caller.user) {
        return true;
    }
    const std::string prefix = service_account_of("");
    return owner.starts_with(prefix) && owner.size() > prefix.size() &&
           level_on(caller.authority, owner.substr(prefix.size())) ==
               Level::manage;
}

Authority hand_out(const Caller& caller)
{
    if (!may(caller, "user.token:edit")) {
        return {};
    }
    if (!has_everything(caller)) {
        return caller.authority;
    }
    Rights all;
    all.everything = true;
    return {.bounds = {std::move(all)}, .until = caller.authority.until};
}

} // namespace psm
