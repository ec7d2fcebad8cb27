// SPDX-License-Identifier: BSD-2-Clause

#include "grant_options.hpp"

#include "command.hpp"
#include "inputs.hpp"
#include "usage.hpp"

#include "../lib/quote.hpp"
#include "../lib/token_limits.hpp"

namespace psm::cli {

namespace {

void add_resource(const std::string& text,
                  std::map<std::string, Level>& resources)
{
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
        refuse("--resource " + in_quotes(text) +
               " has no level: write CHANNEL:read, CHANNEL:write or "
               "CHANNEL:manage");
    }
    const std::string channel = text.substr(0, colon);
    const auto level = find_level(text.substr(colon + 1));
    check_text("--resource", channel, channel_problem);
    if (!level) {
        refuse("--resource " + in_quotes(text) + ": " +
               in_quotes(text.substr(colon + 1)) +
               " is no level: use read, write or manage");
    }
    if (!resources.emplace(channel, *level).second) {
        refuse("--resource names the channel " + in_quotes(channel) +
               " twice: keep one of them");
    }
}

} // namespace

void add_grant_options(Syntax syntax, GrantOptions& options)
{
    syntax
        .add("--resource", options.resources,
             "A channel and read, write or manage; may be repeated")
        .takes(takes_grant)
        .one_at_a_time();
    syntax
        .add("--scope", options.scopes,
             "A scope (see `psm-token scopes`); may be repeated")
        .takes(takes_scope)
        .one_at_a_time();
    syntax
        .add("--channel", options.channels,
             "Limits the scopes to a channel; may be repeated")
        .takes("CHANNEL")
        .one_at_a_time();
}

void set_grants(const GrantOptions& options, TokenDraft& draft)
{
    if (!options.resources.empty()) {
        draft.resources = read_resources(options.resources);
    }
    if (!options.scopes.empty()) {
        draft.scopes = options.scopes;
    }
    if (!options.channels.empty()) {
        draft.channels = options.channels;
    }
}

std::map<std::string, Level>
read_resources(const std::vector<std::string>& words)
{
    std::map<std::string, Level> resources;
    for (const std::string& word : words) {
        add_resource(word, resources);
    }
    return resources;
}

} // namespace psm::cli
