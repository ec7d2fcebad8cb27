// SPDX-License-Identifier: BSD-2-Clause
//
// The order in which each client asks, and what it makes of a status. For all
// of them noarch must be there, while a platform that is missing is empty.

#include "probe_answers.hpp"

namespace psm::cli {

namespace {

constexpr std::string_view shards = "/repodata_shards.msgpack.zst";
constexpr std::string_view packed = "/repodata.json.zst";
constexpr std::string_view plain = "/repodata.json";

/// Where a client gets its index of a platform; `why`: it stops there.
struct Outcome {
    std::string file;
    std::string why{};
};

constexpr bool is_found(long status) noexcept
{
    return status >= 200 && status < 400;
}

constexpr bool is_client_error(long status) noexcept
{
    return status >= 400 && status < 500;
}

std::string path(std::string_view platform, std::string_view file)
{
    return std::string(platform) + std::string(file);
}

Outcome stop(const std::string& file, long status, std::string_view says)
{
    return {.file = file,
            .why = std::string(says) + " (" + std::to_string(status) + " for " +
                   file + ")"};
}

/// Any 4xx means "not in this form" but for the last form.
Outcome conda(ProbeAnswers& answers, std::string_view platform)
{
    if (is_found(answers.status(path(platform, shards)))) {
        return {.file = path(platform, shards)};
    }
    const long zst = answers.status(path(platform, packed));
    if (is_found(zst)) {
        return {.file = path(platform, packed)};
    }
    if (!is_client_error(zst)) {
        return stop(path(platform, packed), zst, "stops with an HTTP error");
    }
    const std::string file = path(platform, plain);
    const long status = answers.status(file);
    if (is_found(status) || (status == 404 && platform != "noarch")) {
        return {.file = file};
    }
    switch (status) {
    case 401:
        return stop(file, status, "stops: the token is invalid");
    case 403:
        return stop(file, status, "stops: insufficient permissions");
    case 404:
        return stop(file, status, "stops: the channel is not accessible");
    default:
        return stop(file, status, "stops with an HTTP error");
    }
}

/// Asks by HEAD what there is; what fails there is as good as missing. Of
/// another platform than noarch any failure is ignored.
Outcome mamba(ProbeAnswers& answers, std::string_view platform)
{
    std::string file = path(platform, plain);
    for (const std::string_view form : {shards, packed}) {
        if (is_found(answers.head_status(path(platform, form)))) {
            file = path(platform, form);
            break;
        }
    }
    const long status = answers.status(file);
    if (is_found(status) || platform != "noarch") {
        return {.file = file};
    }
    return stop(file, status, "stops: the download failed");
}

/// Only 404 and 501 mean "not in this form".
Outcome pixi(ProbeAnswers& answers, std::string_view platform)
{
    const std::string first = path(platform, shards);
    const long sharded = answers.status(first);
    if (is_found(sharded)) {
        return {.file = first};
    }
    if (sharded != 404 && sharded != 501) {
        return stop(first, sharded, "stops: HTTP status error");
    }
    for (const std::string_view form :
         {packed, std::string_view("/repodata.json.bz2")}) {
        const std::string file = path(platform, form);
        if (!is_found(answers.head_status(file))) {
            continue;
        }
        const long status = answers.status(file);
        return is_found(status)
                   ? Outcome{.file = file}
                   : stop(file, status, "stops: HTTP status error");
    }
    const std::string file = path(platform, plain);
    const long status = answers.status(file);
    if (is_found(status) || (status == 404 && platform != "noarch")) {
        return {.file = file};
    }
    return stop(file, status, "stops: HTTP status error");
}

void judge(std::string_view client,
           Outcome (*run)(ProbeAnswers&, std::string_view),
           ProbeAnswers& answers, Findings& findings)
{
    std::string says;
    for (const std::string& platform :
         {std::string("noarch"), answers.site().platform}) {
        const Outcome outcome = run(answers, platform);
        if (!outcome.why.empty()) {
            findings.add(Verdict::problem, "clients", client, outcome.why);
            return;
        }
        const bool there = is_found(answers.status(outcome.file));
        says += (says.empty() ? "" : "; ") +
                (there ? "reads " + outcome.file
                       : "takes " + platform + " for empty");
    }
    findings.add(Verdict::good, "clients", client, says);
}

void judge_pip(ProbeAnswers& answers, Findings& findings)
{
    const HttpAnswer& answer =
        answers({.file = "simple/", .carrier = Carrier::password});
    if (is_found(answer.status)) {
        findings.add(Verdict::good, "clients", "pip", "reads simple/");
    } else if (answer.status == 404) {
        findings.add(Verdict::good, "clients", "pip",
                     "finds no simple/: this is no channel of Python packages");
    } else {
        findings.add(Verdict::problem, "clients", "pip",
                     "stops at simple/: " + describe_answer(answer));
    }
}

} // namespace

void judge_clients(ProbeAnswers& answers, Findings& findings)
{
    judge("conda", conda, answers, findings);
    judge("mamba", mamba, answers, findings);
    judge("pixi", pixi, answers, findings);
    judge_pip(answers, findings);
}

} // namespace psm::cli
