// SPDX-License-Identifier: BSD-2-Clause
//
// channel set, channel list.

#include "command.hpp"
#include "found_token.hpp"
#include "inputs.hpp"
#include "output.hpp"
#include "replication.hpp"
#include "usage.hpp"

#include "../lib/store.hpp"

#include <nlohmann/json.hpp>

namespace psm::cli {

namespace {

using nlohmann::ordered_json;

struct ChannelOptions {
    std::string path;
    std::string privacy;
};

void set_privacy(const std::string& path, Privacy privacy,
                 Environment& environment)
{
    const Actor actor{.who = login_name(), .now = environment.now};
    for (int attempt = 0; attempt < max_attempts; attempt++) {
        if (run_now(environment.store().set_privacy(path, privacy, actor,
                                                    Premises()))) {
            return;
        }
    }
    give_up("channel " + path);
}

int set(const ChannelOptions& options, Environment& environment)
{
    check_channel(options.path);
    const auto privacy = find_privacy(options.privacy);
    if (!privacy) {
        refuse("--privacy \"" + escape(options.privacy) +
               "\" is none: use public, authenticated or private");
    }
    set_privacy(options.path, *privacy, environment);
    const Replication done = environment.replicated();
    if (environment.json) {
        ordered_json json =
            channel_json({.path = options.path, .privacy = *privacy});
        json["replicated"] = replication_json(done);
        print_json(json);
    } else {
        print(options.path + " is " + std::string(privacy_name(*privacy)) +
              " now, with the subchannels that have no record of their own\n");
    }
    return report(done, "look after the replicas, then run this command again, "
                        "which waits for them again");
}

int list(Environment& environment)
{
    ordered_json items;
    Table table({"CHANNEL", "PRIVACY"});
    const auto channels = run_now(environment.store().channels());
    for (const StoredChannel& channel : channels) {
        const std::string privacy(
            channel.privacy ? privacy_name(*channel.privacy) : "invalid");
        items.push_back(channel_json(channel));
        table.add({channel.path, privacy});
    }
    if (environment.json) {
        print_json(list_json(std::move(items)));
    } else if (table.empty()) {
        print("No channel has a record: psm_token_privacy (private by "
              "default) counts for all.\n");
    } else {
        table.print();
    }
    return yes;
}

} // namespace

Action define_channel(Syntax syntax)
{
    auto options = std::make_shared<ChannelOptions>();
    Syntax setter =
        syntax.add_command("set", "Say who may read a channel without a grant");
    setter.add("PATH", options->path, "Channel or channel/subchannel")
        .required();
    setter
        .add("--privacy", options->privacy, "public, authenticated or private")
        .takes(privacy_words())
        .required();
    syntax.add_command("list", "List the channels that have a record");
    return [options, setter](Environment& environment) {
        return setter.given() ? set(*options, environment) : list(environment);
    };
}

} // namespace psm::cli
