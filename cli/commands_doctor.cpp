// SPDX-License-Identifier: BSD-2-Clause
//
// doctor: looks for what is wrong with Redis and what is in it, or, with
// --url, with a channel as clients see it.

#include "command.hpp"
#include "finding.hpp"
#include "inputs.hpp"
#include "probe.hpp"
#include "usage.hpp"

#include "../lib/text.hpp"
#include "../lib/token.hpp"

#include <CLI/CLI.hpp>

namespace psm::cli {

namespace {

struct DoctorOptions {
    std::string url;
    std::string base;
    std::string platform = "linux-64";
    std::string ca;
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

int doctor(const DoctorOptions& options, Environment& environment)
{
    Findings findings;
    if (!options.url.empty()) {
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

Action define_doctor(CLI::App& app)
{
    auto options = std::make_shared<DoctorOptions>();
    app.add_option("--url", options->url,
                   "Look at this channel instead, as clients do; the token is "
                   "read from standard input")
        ->type_name("URL");
    app.add_option("--base", options->base,
                   "Path in front of the channel in --url, as in /api/repo/");
    app.add_option("--platform", options->platform,
                   "The platform that is looked at beside noarch")
        ->capture_default_str();
    app.add_option("--ca", options->ca,
                   "Certificates of CAs for --url; the system's if not given")
        ->type_name(std::string(takes_file));
    return [options](Environment& environment) {
        return doctor(*options, environment);
    };
}

} // namespace psm::cli
