// SPDX-License-Identifier: BSD-2-Clause
//
// doctor: looks for what is wrong with Redis and what is in it, or, with
// --url, with a channel as clients see it.

#include "command.hpp"
#include "doctor_redis.hpp"
#include "finding.hpp"
#include "inputs.hpp"
#include "probe.hpp"
#include "redis_client.hpp"
#include "store_exam.hpp"
#include "usage.hpp"

#include "../lib/store.hpp"
#include "../lib/text.hpp"
#include "../lib/token.hpp"

namespace psm::cli {

namespace {

struct DoctorOptions {
    std::string url;
    std::string base;
    std::string platform = "linux-64";
    std::string ca;
    std::string gate_user;
    bool repair = false;
};

/// A token that is none would be asked about a dozen times.
void check_token(std::string& token)
{
    const TokenFormat format =
        token.starts_with(token_prefix) ? TokenFormat::psm : TokenFormat::any;
    if (classify_token(token, format) != TokenShape::well_formed) {
        wipe(token);
        refuse("--url needs a token on standard input, and what stands there "
               "does not have the form of one: copy the whole of it");
    }
}

void look_at_channel(const DoctorOptions& options, Findings& findings)
{
    ProbeSite site = parse_channel_url(options.url, options.base);
    site.platform = options.platform;
    site.ca = options.ca;
    check_channel(site.channel);
    std::string token = read_token_from_stdin();
    check_token(token);
    probe(site, token, findings);
    wipe(token);
}

/// What can be said about Redis until it fails us.
void look_at_redis(const DoctorOptions& options, Environment& environment,
                   Findings& findings)
{
    try {
        Store& store = environment.store();
        const Patient patient{.redis = environment.redis_client(),
                              .prefix = store.key("", ""),
                              .findings = findings};
        examine_server(patient);
        examine_keeping(patient);
        examine_replicas(patient);
        examine_clock(patient);
        examine_own_rights(patient);
        if (!options.gate_user.empty()) {
            examine_gate_rights(patient, options.gate_user);
        }
        examine_store(patient, store, options.repair,
                      {.who = login_name(), .now = environment.now});
    } catch (const RedisFailure& failure) {
        findings.add(Verdict::unknown, "redis", "the rest", failure.what());
    }
}

int doctor(const DoctorOptions& options, Environment& environment)
{
    Findings findings;
    if (options.url.empty()) {
        look_at_redis(options, environment, findings);
    } else if (options.repair || !options.gate_user.empty()) {
        refuse("--url is about a channel, --repair and --gate-user are about "
               "Redis: run this command twice");
    } else {
        look_at_channel(options, findings);
    }
    if (environment.json) {
        findings.print_json();
    } else {
        findings.print();
    }
    return findings.code();
}

} // namespace

Action define_doctor(Syntax syntax)
{
    auto options = std::make_shared<DoctorOptions>();
    syntax.add_flag(
        "--repair", options->repair,
        "Mend index entries and ids; no token gets more rights by it");
    syntax
        .add("--gate-user", options->gate_user,
             "Look at the rights of this user of Redis, too, which the "
             "gate logs in as")
        .takes("NAME");
    syntax
        .add("--url", options->url,
             "Look at this channel instead, as clients do; the token is "
             "read from standard input")
        .takes("URL");
    syntax.add("--base", options->base,
               "Path in front of the channel in --url, as in /api/repo/");
    syntax
        .add("--platform", options->platform,
             "The platform that is looked at beside noarch")
        .shows_preset();
    syntax
        .add("--ca", options->ca,
             "Certificates of CAs for --url; the system's if not given")
        .takes(takes_file);
    return [options](Environment& environment) {
        return doctor(*options, environment);
    };
}

} // namespace psm::cli
