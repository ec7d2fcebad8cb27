// SPDX-License-Identifier: BSD-2-Clause
//
// POST /explain: what the gate would decide about a request, and why.

#include "api_call.hpp"
#include "api_problem.hpp"
#include "digest.hpp"
#include "explain.hpp"
#include "json_form.hpp"
#include "text.hpp"
#include "token_limits.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace psm {

namespace {

using Type = FormField::Type;

constexpr FormField fields[] = {
    {"token"},
    {"id"},
    {"method"},
    {"url"},
    {"base", Type::texts},
    {"privacy"},
    {"require"},
    {"channel"},
    {"scope_levels", Type::flag},
};

ExplainCase read_request(JsonForm& form, const Api::Limits& limits)
{
    const auto text = [&form](std::string_view name,
                              std::string_view otherwise) {
        const std::string* const given = form.text(name);
        return given != nullptr ? *given : std::string(otherwise);
    };
    FieldProblems problems;
    for (const char* const name : {"method", "url"}) {
        if (form.text(name) == nullptr) {
            problems.push_back({name, "is missing"});
        }
    }
    for (const char* const name : {"privacy", "require", "channel"}) {
        if (form.text(name) != nullptr && form.text(name)->empty()) {
            problems.push_back({name, "is empty: leave it out"});
        }
    }
    if (form.text("token") != nullptr && form.text("id") != nullptr) {
        problems.push_back({"id", "goes not with token: leave one out"});
    }
    refuse_if_any(std::move(problems));
    ExplainCase asked;
    refuse_if_any(
        read_case({.method = text("method", ""),
                   .url = text("url", ""),
                   .bases = form.texts("base"),
                   .privacy = text("privacy", privacy_name(limits.privacy)),
                   .require = text("require", "auto"),
                   .channel = text("channel", ""),
                   .scope_levels = form.flag("scope_levels")},
                  asked));
    return asked;
}

Standing standing_of(const std::optional<StoredToken>& token)
{
    if (!token) {
        return Standing::unknown;
    }
    return token->problem ? Standing::invalid : Standing::known;
}

/// By its text, which whoever knows it may ask about.
Task<void> find_by_text(ApiCall* call, JsonForm* form, Explanation* explained)
{
    std::string& text = *form->text("token");
    TokenDigest digest;
    TokenShape shape = classify_token(text, TokenFormat::psm);
    if (shape == TokenShape::malformed &&
        call->limits->format == TokenFormat::any) {
        shape = classify_token(text, TokenFormat::any);
        explained->any_format = true;
    }
    const bool good =
        shape != TokenShape::well_formed || Hasher().digest(text, digest);
    wipe(text);
    if (!good) {
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    }
    if (shape != TokenShape::well_formed) {
        explained->standing = shape == TokenShape::placeholder
                                  ? Standing::masked
                                  : Standing::malformed;
        co_return;
    }
    const auto hex = digest.hex();
    std::string name(hex.data(), hex.size());
    explained->token = co_await call->store->find_digest(std::move(name));
    explained->standing = standing_of(explained->token);
}

/// By its id: the caller's own one, or one that he may see.
Task<void> find_by_id(ApiCall* call, JsonForm* form, Explanation* explained)
{
    const Caller& caller = call->caller;
    std::string id = *form->text("id");
    const bool own = caller.token && caller.token->record.id == id;
    if (!is_token_id(id) || (!own && !may(caller, "user.token:view"))) {
        refuse(Fault::not_found);
    }
    explained->token = co_await call->store->find_id(std::move(id));
    explained->standing = standing_of(explained->token);
    const bool visible =
        explained->token &&
        (explained->token->problem
             ? caller.admin
             : own || is_master(caller, explained->token->record.owner));
    if (!visible) {
        refuse(Fault::not_found);
    }
}

/// Who may not know of the channel is told what the gate's answer to such a
/// request would tell him, and not whether it has a record.
Task<void> find_channel_privacy(ApiCall* call, Explanation* explained)
{
    const ExplainCase& asked = explained->asked;
    const Question question = asked.question();
    explained->privacy = static_cast<ChannelPrivacy>(asked.otherwise);
    explained->privacy_source = no_privacy_source;
    if (!is_public_read(question)) {
        co_return;
    }
    std::string channel(question.target.channel);
    const Store::FoundPrivacy found =
        co_await call->store->find_privacy(std::move(channel), asked.otherwise);
    explained->privacy = found.privacy
                             ? static_cast<ChannelPrivacy>(*found.privacy)
                             : ChannelPrivacy::unavailable;
    explained->privacy_source =
        found.channel.empty() ? "default" : "record of " + found.channel;
}

} // namespace

Task<ApiResponse> explain_request(ApiCall* call)
{
    JsonForm form;
    refuse_if_any(form.read(call->request->body, fields));
    Explanation explained;
    explained.asked = read_request(form, *call->limits);
    explained.now = call->request->now;
    if (form.text("token") != nullptr) {
        co_await find_by_text(call, &form, &explained);
    } else if (form.text("id") != nullptr) {
        co_await find_by_id(call, &form, &explained);
    }
    co_await find_channel_privacy(call, &explained);
    explained.decide();
    nlohmann::ordered_json json = explain_json(explained);
    const std::string channel(explained.asked.question().target.channel);
    if (!may_see(call->caller, channel)) {
        json["assumed"]["privacy"] = nullptr;
        json["assumed"]["privacy_source"] = "not yours to see";
    }
    co_return json_response(json);
}

} // namespace psm
