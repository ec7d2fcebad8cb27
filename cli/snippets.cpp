// SPDX-License-Identifier: BSD-2-Clause

#include "snippets.hpp"

#include "command.hpp"
#include "output.hpp"

#include "../lib/text.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace psm::cli {

namespace {

constexpr std::string_view marks_of_host = ".-_:[]";
constexpr std::string_view marks_of_path = "._-~/";

bool has_only(std::string_view text, std::string_view punctuation)
{
    return std::all_of(text.begin(), text.end(), [=](char c) {
        return is_alnum(c) || punctuation.find(c) != std::string_view::npos;
    });
}

/// "/a/b" of "/a/b/"; refuses what is no path.
std::string parse_base(const char* option, const std::string& text)
{
    std::string base = text;
    while (base.ends_with('/')) {
        base.pop_back();
    }
    const bool bad = (!text.empty() && !text.starts_with('/')) ||
                     base.find("//") != std::string::npos ||
                     !has_only(base, marks_of_path);
    if (bad) {
        refuse(std::string(option) + " \"" + escape(text) +
               "\" has no plain path: write it as in /api/repo/");
    }
    return base;
}

/// An empty client: the command belongs to the one before.
struct Pattern {
    std::string_view client;
    std::string_view command;
};

constexpr std::string_view for_each_channel =
    "conda config --append channels {with_token}/{channel}";

constexpr std::array<Pattern, 9> patterns{{
    {"conda, for all channels",
     "conda config --set channel_alias {with_token}"},
    {"", "conda install -c {channel} PACKAGE"},
    {"mamba", "mamba install -c {with_token}/{channel} PACKAGE"},
    {"pixi", "pixi auth login {host} --token {token}"},
    {"", "pixi workspace channel add {clean}/{channel}"},
    {"pixi, token in the path", "pixi auth login {host} --conda-token {token}"},
    {"pip", "pip install --index-url {userinfo}/{channel}/simple/ PACKAGE"},
    {"curl",
     "curl -H \"X-Auth: {token}\" {clean}/{channel}/noarch/repodata.json"},
    {"", "curl -H \"Authorization: Bearer {token}\" "
         "{clean}/{channel}/noarch/repodata.json"},
}};

using Values = std::map<std::string_view, std::string>;

/// Puts the values in the place of their names.
std::string fill(std::string_view pattern, const Values& values)
{
    std::string text;
    while (!pattern.empty()) {
        const std::size_t open = std::min(pattern.find('{'), pattern.size());
        text += pattern.substr(0, open);
        pattern.remove_prefix(open);
        if (!pattern.empty()) {
            const std::size_t length = pattern.find('}') + 1;
            text += values.at(pattern.substr(0, length));
            pattern.remove_prefix(length);
        }
    }
    return text;
}

std::string_view without_port(std::string_view host)
{
    // The colons of an IPv6 address stand before its bracket.
    const std::size_t bracket = host.find(']');
    const bool v6 = bracket != std::string_view::npos;
    return host.substr(0, host.find(':', v6 ? bracket : 0));
}

} // namespace

void add_site_options(Syntax syntax, SiteOptions& options)
{
    syntax
        .add("--url", options.url,
             "Address of the server, as in https://HOST[:PORT][/BASE]")
        .from_environment("PSM_URL");
    syntax.add("--base", options.base,
               "Path in front of the channels, as in /api/repo/");
}

Site parse_site(const SiteOptions& options)
{
    Site site;
    const std::string& url = options.url;
    if (!url.empty()) {
        const std::size_t end = url.find("://");
        site.scheme = url.substr(0, end);
        std::string rest = end == std::string::npos ? "" : url.substr(end + 3);
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        site.host = rest.substr(0, slash);
        if ((site.scheme != "https" && site.scheme != "http") ||
            site.host.empty() || !has_only(site.host, marks_of_host)) {
            refuse("--url (or PSM_URL) is no address of a server: write "
                   "https://HOST, https://HOST:PORT or https://HOST/BASE");
        }
        site.base = parse_base("--url", rest.substr(slash));
        site.known = true;
    }
    if (!options.base.empty()) {
        if (!site.base.empty()) {
            refuse("--url has a path, and --base is given: keep one of them");
        }
        site.base = parse_base("--base", options.base);
    }
    return site;
}

std::vector<Snippet> make_snippets(const Site& site, std::string_view token,
                                   const std::vector<std::string>& channels)
{
    const std::string root = site.scheme + "://" + site.host;
    Values values{
        {"{token}", std::string(token)},
        {"{with_token}", root + "/t/" + std::string(token) + site.base},
        {"{clean}", root + site.base},
        // As the password: pip prints the user of an index URL and masks
        // the password, so `TOKEN:x-auth-token@` would stand in its output.
        {"{userinfo}", site.scheme + "://token:" + std::string(token) + "@" +
                           site.host + site.base},
        {"{host}", std::string(without_port(site.host))},
    };
    std::vector<Snippet> snippets;
    snippets.reserve(channels.size() + patterns.size());
    for (const std::string& channel : channels) {
        values["{channel}"] = channel;
        snippets.push_back(
            {snippets.empty() ? "conda" : "", fill(for_each_channel, values)});
    }
    values["{channel}"] = channels.front();
    for (const Pattern& pattern : patterns) {
        snippets.push_back(
            {std::string(pattern.client), fill(pattern.command, values)});
    }
    return snippets;
}

std::vector<std::string> channels_of(const TokenRecord& record)
{
    std::vector<std::string> channels;
    if (record.kind == TokenKind::scope) {
        channels = record.channels;
    }
    for (const auto& [channel, level] : record.resources) {
        channels.push_back(channel);
    }
    if (channels.empty()) {
        channels.emplace_back(channel_placeholder);
    }
    return channels;
}

void print_snippets(const Site& site, const std::vector<Snippet>& snippets)
{
    for (const Snippet& snippet : snippets) {
        if (!snippet.client.empty()) {
            print("# " + snippet.client + "\n");
        }
        print(snippet.command + "\n");
    }
    if (!site.known) {
        print("\nHOST stands for your server: give --url or set PSM_URL to "
              "have it filled in.\n");
    }
}

} // namespace psm::cli
