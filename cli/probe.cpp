// SPDX-License-Identifier: BSD-2-Clause

#include "probe.hpp"

#include "command.hpp"
#include "inputs.hpp"
#include "output.hpp"
#include "probe_answers.hpp"
#include "snippets.hpp"

#include "../lib/text.hpp"
#include "../lib/token.hpp"

#include <algorithm>
#include <array>

namespace psm::cli {

namespace {

constexpr std::string_view index = "noarch/repodata.json";

constexpr bool is_denial(long status) noexcept
{
    return status == 401 || status == 403;
}

/// Files that a channel need not have: where one is missing it must be "not
/// found", or a client takes it for a refusal of all.
struct OptionalFile {
    std::string_view path;
    std::string_view who; // asks for it
};

constexpr std::array<OptionalFile, 12> optional_files{{
    {"noarch/repodata_shards.msgpack.zst", "conda, mamba, pixi"},
    {"noarch/repodata.json.zst", "conda, mamba, pixi"},
    {"noarch/repodata.json.bz2", "old conda, pixi"},
    {"noarch/current_repodata.json", "conda"},
    {"noarch/current_repodata.json.zst", "conda"},
    {"noarch/run_exports.json", "pixi, conda-build"},
    {"noarch/run_exports.json.zst", "pixi, conda-build"},
    {"noarch/patch_instructions.json", "indexers"},
    {"channeldata.json", "conda-build, Navigator"},
    {"channeldata.json.zst", "indexers"},
    {"notices.json", "pixi; conda asks without the token"},
    {"rss.xml", "people"},
}};

void check_file(const HttpAnswer& answer, std::string_view path,
                std::string_view who, Findings& findings)
{
    const std::string asked = " (asked for by " + std::string(who) + ")";
    const std::string text = describe_answer(answer);
    if (answer.status == 0) {
        findings.add(Verdict::unknown, "files", path, text);
    } else if (answer.status == 200 || answer.status == 404) {
        findings.add(Verdict::good, "files", path,
                     answer.status == 200 ? "there" + asked
                                          : "not there, which is fine");
    } else if (is_denial(answer.status)) {
        findings.add(Verdict::problem, "files", path,
                     text + ": refused though the token may read the channel" +
                         asked +
                         ". A file that is not there must be 404: look for a "
                         "location of its own in nginx's configuration");
    } else if (answer.status >= 300 && answer.status < 400) {
        findings.add(Verdict::note, "files", path,
                     text + ": a redirect" + asked);
    } else {
        findings.add(Verdict::problem, "files", path, text + asked);
    }
}

void check_files(ProbeAnswers& answers, Findings& findings)
{
    for (const OptionalFile& file : optional_files) {
        check_file(answers({.file = std::string(file.path)}), file.path,
                   file.who, findings);
    }
    const std::string native = answers.site().platform + "/repodata.json";
    check_file(answers({.file = native}), native, "all, for this platform",
               findings);
}

bool is_package(std::string_view name)
{
    // "packages.conda" is a member of the index.
    return std::ranges::count(name, '-') > 1 &&
           std::ranges::all_of(name, [](char c) {
               return is_alnum(c) || std::string_view("._-+!").find(c) !=
                                         std::string_view::npos;
           });
}

/// The first package that the begin of an index names; "": none.
std::string find_package(const std::string& body)
{
    for (const std::string_view end : {".conda\"", ".tar.bz2\""}) {
        for (std::size_t at = body.find(end); at != std::string::npos;
             at = body.find(end, at + 1)) {
            const std::size_t begin = body.rfind('"', at) + 1;
            std::string name = body.substr(begin, at + end.size() - 1 - begin);
            if (is_package(name)) {
                return name;
            }
        }
    }
    return "";
}

void check_same(const HttpAnswer& got, const HttpAnswer& want,
                std::string_view check, std::string_view remedy,
                Findings& findings)
{
    const bool same = got.status == want.status;
    findings.add(got.status == 0 ? Verdict::unknown
                 : same          ? Verdict::good
                                 : Verdict::problem,
                 "requests", check,
                 describe_answer(got) +
                     (same || got.status == 0
                          ? ""
                          : ", but GET is " + std::to_string(want.status) +
                                ": " + std::string(remedy)));
}

void check_requests(ProbeAnswers& answers, Findings& findings)
{
    const std::string file(index);
    const HttpAnswer get = answers({.file = file});
    check_same(answers({.file = file, .head = true}), get, "HEAD of the index",
               "mamba and pixi decide by HEAD what they fetch", findings);

    const std::string tag(get.field("etag"));
    if (tag.empty() || tag.find_first_of("\r\n") != std::string::npos) {
        findings.add(Verdict::note, "requests", "If-None-Match",
                     "the index has no ETag: clients fetch it whole each time");
    } else {
        const HttpAnswer& again =
            answers({.file = file, .field = "If-None-Match: " + tag});
        findings.add(again.status == 304 ? Verdict::good : Verdict::note,
                     "requests", "If-None-Match",
                     describe_answer(again) +
                         (again.status == 304
                              ? ""
                              : ": clients fetch the index whole each time"));
    }

    const std::string package = find_package(get.body);
    if (package.empty()) {
        findings.add(Verdict::note, "requests", "a package",
                     "the begin of the index names none: not tried");
        return;
    }
    const HttpAnswer& part =
        answers({.file = "noarch/" + package, .field = "Range: bytes=-64"});
    const bool good = part.status == 206 || part.status == 200;
    findings.add(good               ? Verdict::good
                 : part.status == 0 ? Verdict::unknown
                                    : Verdict::problem,
                 "requests", "a package, " + package,
                 describe_answer(part) +
                     (good ? "" : ": the index can be read, its packages not"));
    if (part.status == 200) {
        findings.add(Verdict::note, "requests", "Range",
                     "ignored: broken downloads begin anew, and "
                     "conda-package-streaming reads packages whole");
    }
}

struct CarrierName {
    Carrier carrier;
    std::string_view name;
    std::string_view who;
};

constexpr std::array<CarrierName, 7> carriers{{
    {Carrier::behind, "path, behind the base", "conda with channel_alias"},
    {Carrier::bearer, "Authorization: Bearer", "pixi, mamba, conda-auth"},
    {Carrier::token, "Authorization: token", "anaconda-client"},
    {Carrier::password, "Authorization: Basic, password", "pip, netrc"},
    {Carrier::user, "Authorization: Basic, user",
     "conda with a user in the URL"},
    {Carrier::x_auth, "X-Auth", "PSM's own CLI, curl"},
    {Carrier::x_api_key, "X-API-Key", "quetz-client"},
}};

void check_carriers(ProbeAnswers& answers, Findings& findings)
{
    const HttpAnswer& front = answers({.file = std::string(index)});
    for (const CarrierName& row : carriers) {
        if (row.carrier == Carrier::behind && answers.site().base.empty()) {
            continue;
        }
        const HttpAnswer& got =
            answers({.file = std::string(index), .carrier = row.carrier});
        const std::string who = "used by " + std::string(row.who);
        if (got.status == 0) {
            findings.add(Verdict::unknown, "carriers", row.name,
                         describe_answer(got));
        } else if (got.status == front.status) {
            findings.add(Verdict::good, "carriers", row.name,
                         "taken (" + who + ")");
        } else if (row.carrier == Carrier::behind) {
            findings.add(Verdict::problem, "carriers", row.name,
                         describe_answer(got) + ": " + who +
                             "; name the base in psm_token_base");
        } else {
            findings.add(Verdict::note, "carriers", row.name,
                         describe_answer(got) + ": not taken here (" + who +
                             "; psm_token_carriers says which are)");
        }
    }
}

/// A refusal that a cache keeps goes on when the token is good again.
void check_refusal(const HttpAnswer& answer, std::string_view check,
                   Findings& findings)
{
    const std::string text = describe_answer(answer);
    if (answer.status == 0) {
        findings.add(Verdict::unknown, "refusals", check, text);
    } else if (answer.status != 401) {
        findings.add(Verdict::problem, "refusals", check,
                     text + ": must be 401, also on a public channel, or a "
                            "bad token looks like missing packages");
    } else if (answer.field("cache-control").find("no-store") ==
               std::string_view::npos) {
        findings.add(Verdict::problem, "refusals", check,
                     "401 without Cache-Control: no-store: a cache on the way "
                     "may keep it");
    } else {
        findings.add(Verdict::good, "refusals", check, "401, not to be cached");
    }
}

void check_refusals(ProbeAnswers& answers, Findings& findings)
{
    const std::string file(index);
    check_refusal(answers.ask_as(generate_token(), {.file = file}),
                  "a token that nobody has", findings);
    check_refusal(answers.ask_as("*****", {.file = file}), "a masked token",
                  findings);

    const HttpAnswer open = answers({.file = file, .carrier = Carrier::none});
    if (open.status == 200) {
        findings.add(Verdict::note, "refusals", "no token",
                     "200: the channel is public");
        return;
    }
    check_refusal(open, "no token", findings);
    const HttpAnswer& closed = answers({.file = file});
    const std::string_view caching = closed.field("cache-control");
    const bool shared = caching.find("private") == std::string_view::npos &&
                        caching.find("no-store") == std::string_view::npos;
    findings.add(shared ? Verdict::problem : Verdict::good, "refusals",
                 "caches on the way",
                 shared ? "the index is private, but its answer lacks "
                          "Cache-Control: private: a cache may give it to "
                          "others"
                        : "told that the index is private");
}

} // namespace

ProbeSite parse_channel_url(const std::string& url, const std::string& base)
{
    if (url.find("/t/") != std::string::npos) {
        refuse("--url holds t/ and perhaps a token. Arguments are seen by "
               "every user of this machine: write the address without it, and "
               "give the token on standard input");
    }
    const Site whole = parse_site({.url = url, .base = ""});
    const Site front = parse_site({.url = "", .base = base});
    if (!whole.known || !(whole.base + "/").starts_with(front.base + "/")) {
        refuse("--url must be the address of a channel, behind --base: write "
               "https://HOST/BASE/CHANNEL");
    }
    ProbeSite site{.origin = whole.scheme + "://" + whole.host,
                   .base = front.base,
                   .channel = {},
                   .platform = {},
                   .ca = {}};
    const std::string rest = whole.base.substr(front.base.size());
    site.channel = rest.empty() ? "" : rest.substr(1);
    check_channel(site.channel);
    return site;
}

void probe(const ProbeSite& site, const std::string& token, Findings& findings)
{
    ProbeAnswers answers(site, token);
    if (site.origin.starts_with("http://")) {
        findings.add(Verdict::note, "index", "encryption",
                     "http: everybody on the way can read the token");
    }
    const HttpAnswer& got = answers({.file = std::string(index)});
    if (got.status != 200) {
        findings.add(got.status == 0 ? Verdict::unknown : Verdict::problem,
                     "index", index,
                     describe_answer(got) +
                         ": no client can use the channel with this token");
        return;
    }
    findings.add(Verdict::good, "index", index,
                 "200 with the token in the path");
    check_files(answers, findings);
    check_requests(answers, findings);
    check_carriers(answers, findings);
    check_refusals(answers, findings);
    findings.add(answers.telltales().empty() ? Verdict::good : Verdict::problem,
                 "refusals", "the token in answers",
                 answers.telltales().empty()
                     ? "none shows it, but for redirects within the site"
                     : "shown by " + answers.telltales());
    judge_clients(answers, findings);
}

} // namespace psm::cli
