// SPDX-License-Identifier: BSD-2-Clause
//
// GET and PUT /channels/<path>: the privacy of a channel. A subchannel is
// /channels/C/S, or /channels/C/subchannels/S as PSM's clients write it.

#include "api_call.hpp"
#include "api_problem.hpp"
#include "channel.hpp"
#include "json_form.hpp"
#include "token_json.hpp"

#include <nlohmann/json.hpp>

namespace psm {

namespace {

using nlohmann::ordered_json;

constexpr FormField fields[] = {{"privacy"}};

/// "C/S" of PSM's "C/subchannels/S". Refuses what is no channel path.
std::string read_path(const std::string& place)
{
    constexpr std::string_view between = "/subchannels/";
    std::string path = place;
    const std::size_t at = path.find('/');
    if (at != std::string::npos &&
        std::string_view(path).substr(at).starts_with(between) &&
        path.find('/', at + between.size()) == std::string::npos) {
        path.erase(at, between.size() - 1);
    }
    if (!is_channel_path(path)) {
        refuse(Fault::not_found);
    }
    return path;
}

bool is_subchannel(std::string_view path)
{
    return path.find('/') != std::string_view::npos;
}

ordered_json channel_answer(const std::string& path,
                            std::optional<Privacy> privacy,
                            const std::string& source)
{
    ordered_json json = channel_json({.path = path, .privacy = privacy});
    json["name"] = path;
    json["parent"] = is_subchannel(path) ? ordered_json(parent_channel(path))
                                         : ordered_json(nullptr);
    json["privacy_source"] =
        source.empty() ? ordered_json(nullptr) : ordered_json(source);
    return json;
}

Privacy read_privacy(const std::string& body)
{
    JsonForm form;
    refuse_if_any(form.read(body, fields));
    const std::string* const name = form.text("privacy");
    const auto privacy = find_privacy(name != nullptr ? *name : "");
    if (!privacy) {
        refuse(Fault::request_invalid,
               {{"privacy", "is none: use public, authenticated or private"}});
    }
    return *privacy;
}

} // namespace

Task<ApiResponse> show_channel(ApiCall* call)
{
    const std::string path = read_path(call->place);
    if (!may_see(call->caller, path)) {
        refuse(Reason::channel_not_granted);
    }
    std::string name = path;
    const Store::FoundPrivacy found = co_await call->store->find_privacy(
        std::move(name), call->limits->privacy);
    co_return json_response(channel_answer(path, found.privacy, found.channel));
}

Task<ApiResponse> change_channel(ApiCall* call)
{
    const std::string path = read_path(call->place);
    if (!may_on(call->caller,
                is_subchannel(path) ? "subchannel:edit" : "channel:edit",
                path)) {
        refuse(may_see(call->caller, path) ? Reason::level_too_low
                                           : Reason::channel_not_granted);
    }
    const Privacy wanted = read_privacy(call->request->body);
    std::string name = path;
    const Store::FoundPrivacy found = co_await call->store->find_privacy(
        std::move(name), call->limits->privacy);
    const bool changed = found.channel != path || found.privacy != wanted;
    if (changed) {
        name = path;
        Actor actor = call->actor();
        Premises premises = call->caller.premises;
        const bool done = co_await call->store->set_privacy(
            std::move(name), wanted, std::move(actor), std::move(premises));
        if (!done) {
            throw Crossed();
        }
    }
    ordered_json json = channel_answer(path, wanted, path);
    json["changed"] = changed;
    co_return json_response(json);
}

} // namespace psm
