// SPDX-License-Identifier: BSD-2-Clause
//
// psm-token: makes, lists, explains and revokes tokens. Every command is a
// row of one table; see command.hpp.

#include "blocking_port.hpp"
#include "command.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "redis_sentinel.hpp"
#include "replication.hpp"
#include "version.hpp"

#include "../lib/store.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <exception>
#include <map>
#include <optional>

namespace psm::cli {

namespace {

constexpr std::array<Command, 17> commands{{
    {"create", "Create a token and print it once", define_create},
    {"list", "List the tokens", define_list},
    {"show", "Show what a token may do", define_show},
    {"edit", "Change what a token may do", define_edit},
    {"reissue", "Give a token a new string", define_reissue},
    {"delete", "Revoke tokens", define_delete},
    {"user", "Say what a user may hand out", define_user},
    {"channel", "Say who may read a channel without a grant", define_channel},
    {"scopes", "List the scopes", define_scopes},
    {"explain", "Say what the gate would decide, and why", define_explain},
    {"snippets", "Print the commands that make clients use a token",
     define_snippets},
    {"import", "Take over tokens from a file", define_import},
    {"export", "Print all tokens as a file for import, without their strings",
     define_export},
    {"audit", "Show who changed what", define_audit},
    {"doctor", "Look for what is wrong with Redis and what is in it",
     define_doctor},
    {"completion", "Print what completes the words of this command in a shell",
     define_completion},
    {"man", "Print the manual page", define_man},
}};

constexpr const char* default_redis = "redis://127.0.0.1:6379";

// A person waits longer than a web server.
constexpr std::uint32_t connect_timeout_ms = 2000;
constexpr std::uint32_t timeout_ms = 5000;

constexpr const char* footer =
    "Exit code: 0 yes or done, 1 no, 2 cannot tell or wrong usage.\n"
    "Where Redis has replicas, a change waits up to 1 second for one of them; "
    "2 also says\nthat none has confirmed the change: it is made, but a "
    "failover may undo it.";

/// Where one of the three was closed by who runs us, the connection to Redis
/// would take its place, and what we print would be commands there.
void fill_standard_files()
{
    int file = STDIN_FILENO;
    while (file >= 0 && file <= STDERR_FILENO) {
        file = open("/dev/null", O_RDONLY | O_CLOEXEC); // writing fails
    }
    if (file > STDERR_FILENO) {
        close(file);
    }
}

int run(int argc, const char* const* argv)
{
    refuse_tokens_in_arguments({argv + 1, argv + argc});

    CLI::App app("Tokens for the nginx gate of a Package Security Manager "
                 "repository",
                 "psm-token");
    Environment environment;
    environment.redis = default_redis;
    environment.now = std::time(nullptr);
    app.set_version_flag("--version", std::string("psm-token ") + version);
    app.add_option("--redis", environment.redis,
                   "Address of Redis and its parameters, as psm_token_redis")
        ->envname("PSM_TOKEN_REDIS")
        ->capture_default_str();
    app.add_flag("--json", environment.json, "Print JSON");
    app.require_subcommand(1);
    app.footer(footer);

    std::map<const CLI::App*, Action> actions;
    for (const Command& command : commands) {
        CLI::App* const sub = app.add_subcommand(command.name, command.summary);
        sub->fallthrough();
        sub->footer(footer);
        actions[sub] = command.define(Syntax(*sub));
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) { // for --help, or --version
        app.exit(asked);
        return yes;
    } catch (const CLI::ParseError& error) {
        refuse(escape(error.what()) + ": see `psm-token --help`");
    }
    return actions.at(app.get_subcommands().front())(environment);
}

} // namespace

Environment::Environment() = default;
Environment::~Environment() = default;

Store& Environment::store()
{
    if (store_ == nullptr) {
        RedisAddress address;
        address.connect_timeout_ms = connect_timeout_ms;
        address.timeout_ms = timeout_ms;
        if (const auto problem = parse_redis_address(redis, address)) {
            refuse("--redis (or PSM_TOKEN_REDIS): " + *problem);
        }
        port_ = std::make_unique<BlockingPort>(connect_redis(address));
        store_ = std::make_unique<Store>(*port_, address.prefix);
    }
    return *store_;
}

void Environment::disconnect()
{
    store_.reset();
    port_.reset();
}

RedisClient& Environment::redis_client()
{
    static_cast<void>(store());
    return port_->client();
}

Replication Environment::replicated()
{
    return wait_for_replica(port_->client());
}

} // namespace psm::cli

int main(int argc, char** argv)
{
    psm::cli::fill_standard_files();
    int code = psm::cli::cannot_tell;
    std::optional<psm::cli::Interrupted> interrupted;
    try {
        code = psm::cli::run(argc, argv);
    } catch (const psm::cli::Interrupted& interruption) {
        psm::cli::complain(interruption.what());
        interrupted = interruption;
    } catch (const psm::cli::Failure& failure) {
        psm::cli::complain(failure.what());
        code = failure.code();
    } catch (const std::exception& error) {
        psm::cli::complain(error.what());
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        psm::cli::complain("cannot write all of the output");
        code = psm::cli::cannot_tell;
    }
    if (interrupted) {
        interrupted->die();
    }
    return code;
}
