// SPDX-License-Identifier: BSD-2-Clause
//
// Taking tokens out of a URI (T24 to T28). Input: a line of two characters
// (format: `a` for any; the set of carriers, `?` for all), a line of bases
// with blanks between them, then the URI.
//
// Cuts, verdict and both ways of writing are compared with the reference of
// the unit tests; what comes out is then read once more.

#include "fuzz.hpp"

#include "../../lib/channel.hpp"
#include "../../lib/target.hpp"
#include "../../lib/text.hpp"
#include "../../lib/whole_token.hpp"
#include "../unit/token_path_reference.hpp"

namespace {

using fuzz::hold;
using fuzz::same;

struct Setting {
    psm::TokenFormat format = psm::TokenFormat::psm;
    psm::CarrierSet carriers = psm::all_carriers;
    std::vector<std::string> bases;

    [[nodiscard]] Bases views() const { return {bases.begin(), bases.end()}; }
};

/// What psm_token_base lets through of `text`.
std::string base_of(std::string_view text)
{
    std::string base = "/";
    std::string segment;
    for (const char c : std::string(text) + "/") {
        if (c != '/') {
            segment += psm::is_alnum(c) || c == '.' ? c : '_';
            continue;
        }
        if (!segment.empty() && segment != "t" && segment != "." &&
            segment != "..") {
            base += segment + "/";
        }
        segment.clear();
    }
    return base;
}

Setting read_setting(fuzz::Input& input)
{
    Setting setting;
    const auto options = std::string(input.line()) + "p?";
    if (options[0] == 'a') {
        setting.format = psm::TokenFormat::any;
    }
    setting.carriers = options[1] & psm::all_carriers;

    std::string_view words = input.line();
    while (!words.empty() && setting.bases.size() < psm::max_bases) {
        const auto word = words.substr(0, words.find(' '));
        words.remove_prefix(std::min(word.size() + 1, words.size()));
        const auto base = base_of(word);
        if (std::ranges::count(setting.bases, base) == 0) {
            setting.bases.push_back(base);
        }
    }
    std::ranges::sort(setting.bases, {}, &std::string::size);
    return setting;
}

std::string clean_of(std::string_view uri, const psm::PathTokens& tokens)
{
    std::string out(tokens.clean_length(uri), '#');
    const auto written = psm::write_clean(uri, tokens, out.data());
    hold(written == out.size(), "as long as announced, clean", {uri, out});

    std::string place(uri);
    place.resize(psm::write_clean(place, tokens, place.data()));
    same(place, out, "the same when written over itself", {uri});
    return out;
}

std::string masked_of(std::string_view uri, const psm::PathTokens& tokens)
{
    std::string out(tokens.masked_length(uri), '#');
    const auto written = psm::write_masked(uri, tokens, out.data());
    hold(written == out.size(), "as long as announced, masked", {uri, out});
    return out;
}

std::string merge(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c != '/' || out.empty() || out.back() != '/') {
            out += c;
        }
    }
    return out;
}

psm::PathTokens find(std::string_view uri, const Setting& setting,
                     psm::Claim& claim)
{
    const auto bases = setting.views();
    return psm::find_path_tokens(uri, bases, setting.carriers, setting.format,
                                 claim);
}

void compare_with_reference(std::string_view uri, const Setting& setting,
                            const psm::PathTokens& tokens,
                            const psm::Claim& claim)
{
    const auto bases = setting.views();
    const Reference expected(uri, bases);
    const bool merged = uri.find("//") == std::string_view::npos;

    same(merge(clean_of(uri, tokens)), expected.clean(), "cut by the rule",
         {uri});
    same(merge(masked_of(uri, tokens)), expected.masked(), "masked by the rule",
         {uri});
    hold((tokens.count > 0) == expected.found, "found by the rule", {uri});
    hold(tokens.empty_segment == expected.empty_segment,
         "an empty segment before a token is told", {uri});
    if (merged) {
        hold(tokens.nothing_behind == expected.nothing_behind,
             "nothing behind a token is told", {uri});
    }
    if (setting.format == psm::TokenFormat::any &&
        (setting.carriers & 1) != 0) {
        hold(claim.verdict() == expected.claim.verdict(), "the verdict", {uri});
        same(claim.token(), expected.claim.token(), "the token", {uri});
    }
}

void check_claim(std::string_view uri, const Setting& setting,
                 const psm::PathTokens& tokens, const psm::Claim& claim)
{
    using psm::Verdict;
    const auto first = uri.substr(tokens.token_at, tokens.token_len);
    if (tokens.count == 0) {
        hold(claim.verdict() == Verdict::none, "no token, no claim", {uri});
        return;
    }
    hold(claim.verdict() != Verdict::none, "a token always counts", {uri});
    if ((setting.carriers & psm::carrier_bit(psm::Carrier::path)) == 0 ||
        tokens.empty_segment) {
        // A token that another place repeats may still be two.
        hold(claim.verdict() == Verdict::malformed ||
                 (tokens.empty_segment &&
                  (claim.verdict() == Verdict::ambiguous ||
                   claim.verdict() == Verdict::masked)),
             "a path that is no carrier, or is doubled, is refused", {uri});
    } else if (claim.verdict() == Verdict::token) {
        same(claim.token(), first, "one token, the first", {uri});
        hold(psm::classify_token(first, setting.format) ==
                 psm::TokenShape::well_formed,
             "what was taken is well-formed", {uri, first});
    }
}

/// Reading what was written finds nothing more: nobody downstream who takes
/// tokens, too, sees another URI.
void read_again(std::string_view uri, const Setting& setting,
                const psm::PathTokens& tokens)
{
    const auto clean = clean_of(uri, tokens);
    psm::Claim none;
    hold(clean.front() == '/', "a clean URI begins with a slash", {uri, clean});
    hold(find(clean, setting, none).count == 0, "a clean URI holds no pair",
         {uri, clean});

    auto masked = masked_of(uri, tokens);
    psm::Claim stars;
    const auto again = find(masked, setting, stars);
    same(masked_of(masked, again), masked, "masked twice is masked once",
         {uri});
    hold(again.count == tokens.count, "a mask stands where a token stood",
         {uri, masked});
    hold(again.count == 0 || stars.token().empty(), "a mask is no token",
         {uri, masked});

    psm::mask_whole_tokens(masked);
    for (std::size_t at = 0; at + psm::token_length <= masked.size(); at++) {
        hold(psm::classify_token(masked.substr(at, psm::token_length),
                                 psm::TokenFormat::psm) !=
                 psm::TokenShape::well_formed,
             "no token is left in what is logged", {uri, masked});
    }
}

void check_target(std::string_view clean, const Setting& setting)
{
    const auto bases = setting.views();
    const auto target = psm::find_target(clean, bases);
    if (target.kind == psm::TargetKind::unknown) {
        hold(target.channel.empty(), "nothing is named", {clean});
        return;
    }
    hold(psm::is_channel_path(target.channel), "a channel path",
         {clean, target.channel});
    const bool below = std::ranges::any_of(setting.bases, [&](const auto& b) {
        return clean.starts_with(b + std::string(target.channel));
    });
    hold(below, "the channel stands behind a base", {clean, target.channel});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    const auto setting = read_setting(input);
    std::string uri(input.rest());
    if (!uri.starts_with('/')) {
        uri.insert(0, "/");
    }

    psm::Claim claim;
    const auto tokens = find(uri, setting, claim);
    check_claim(uri, setting, tokens, claim);
    compare_with_reference(uri, setting, tokens, claim);
    read_again(uri, setting, tokens);
    check_target(clean_of(uri, tokens), setting);
    return 0;
}
