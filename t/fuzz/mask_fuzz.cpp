// SPDX-License-Identifier: BSD-2-Clause
//
// Hiding tokens in text that was not parsed (T58 to T68). Input: a line with
// a known token of another issuer, or an empty one, then the text.
//
// Nothing may be left that a reader of the log could use: neither as it
// stands nor with one layer of percent-encoding undone, nor behind the `t` of
// a path that a server would make out of it.

#include "fuzz.hpp"

#include "../../lib/mask.hpp"
#include "../../lib/token.hpp"
#include "../../lib/whole_token.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace {

using fuzz::hold;
using fuzz::same;
using psm::TokenFormat;
using psm::TokenShape;

using Mask = std::size_t (*)(std::span<char>, std::string_view) noexcept;

bool is_token(std::string_view text, TokenFormat format)
{
    return psm::classify_token(text, format) == TokenShape::well_formed;
}

/// Every token of our own in `text`, whatever stands around it.
bool holds_token(std::string_view text)
{
    for (auto at = text.find("psm-"); at != std::string_view::npos;
         at = text.find("psm-", at + 1)) {
        if (is_token(text.substr(at, psm::token_length), TokenFormat::psm)) {
            return true;
        }
    }
    return false;
}

/// The same length, and stars or what stood there before.
void check_masked(std::string_view text, std::string_view masked,
                  std::size_t hidden)
{
    hold(masked.size() == text.size(), "the length is kept", {text, masked});
    bool changed = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        changed = changed || text[i] != masked[i];
        hold(masked[i] == text[i] || masked[i] == '*', "only stars are written",
             {text, masked});
    }
    hold(changed == (hidden > 0), "what was hidden is counted", {text, masked});
}

std::string masked_by(Mask mask, std::string_view text, std::string_view known)
{
    std::string out(text);
    check_masked(text, out, 0);
    const auto hidden = mask(out, known);
    check_masked(text, out, hidden);

    std::string again(out);
    hold(mask(again, known) == 0, "what is hidden stays hidden", {text, out});
    same(again, out, "masked twice is masked once", {text});

    hold(!holds_token(out), "no token is left", {text, out});
    hold(known.empty() || out.find(known) == std::string::npos,
         "no copy of the known token is left", {text, known, out});
    return out;
}

/// A path as a server would read it: slashes merged, dots resolved.
std::vector<std::string_view> segments_of(std::string_view path)
{
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        const auto segment = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(segment.size() + 1, path.size()));
        if (segment == "..") {
            if (!segments.empty()) {
                segments.pop_back();
            }
        } else if (!segment.empty() && segment != ".") {
            segments.push_back(segment);
        }
    }
    return segments;
}

/// No segment behind a `t` is a token of any issuer.
void check_paths(std::string_view text, std::string_view masked)
{
    constexpr std::string_view ends = "?# \t\r\n";
    for (bool first = true; !masked.empty(); first = false) {
        std::string path =
            fuzz::decode_percent(masked.substr(0, masked.find_first_of(ends)));
        const auto length = std::min(masked.find_first_of(ends), masked.size());
        masked.remove_prefix(std::min(length + 1, masked.size()));
        if (!first) {
            // What stands before the first slash is no segment there.
            path.erase(0, path.find('/'));
        }
        const auto segments = segments_of(path);
        for (std::size_t i = 1; i < segments.size(); i++) {
            hold(segments[i - 1] != "t" ||
                     !is_token(segments[i], TokenFormat::any),
                 "no path leads to a token", {text, path, segments[i]});
        }
    }
}

void check_found(std::string_view text, std::string_view known,
                 std::string_view masked)
{
    hold(psm::has_token_text(text, known) == (masked != text),
         "what would be hidden is found", {text, masked});
    hold(!psm::has_token_text(masked, known), "nothing is found afterwards",
         {text, masked});
    hold(!holds_token(fuzz::decode_percent(masked)), "no encoded token is left",
         {text, masked});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::Input input(data, size);
    std::string_view known = input.line();
    if (!is_token(known, TokenFormat::any)) {
        known = {};
    }
    const std::string_view text = input.rest();

    const auto as_text = masked_by(psm::mask_token_text, text, known);
    check_found(text, known, as_text);

    const auto as_url = masked_by(psm::mask_token_url, text, known);
    check_paths(text, as_url);
    hold(!holds_token(fuzz::decode_percent(as_url)),
         "no encoded token is left in a URL", {text, as_url});

    const auto whole = masked_by(psm::mask_whole_tokens, text, known);
    if (known.empty()) {
        hold(psm::has_whole_token(text) == (whole != text),
             "a whole token is found", {text, whole});
    }
    hold(!holds_token(fuzz::decode_percent(whole)),
         "no encoded token is left in an argument", {text, whole});
    return 0;
}
