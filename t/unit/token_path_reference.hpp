// SPDX-License-Identifier: BSD-2-Clause
//
// The rule of token_path.hpp, written with strings that are rebuilt at every
// step, and URIs to compare the two on. The reference works on the URI with
// slashes merged, and remembers for every character where it came from. It
// keeps views of the URI it was made from.

#pragma once

#include "token_path.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

using Bases = std::vector<std::string_view>;

// Literals, so that they can be joined with others.
#define TOKEN_A "psm-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ4OPBnF"
#define TOKEN_B "another-token-0123456789"

class Reference {
public:
    Reference(std::string_view uri, const Bases& bases) : uri_(uri)
    {
        for (std::size_t i = 0; i < uri.size(); i++) {
            if (i == 0 || uri[i] != '/' || uri[i - 1] != '/') {
                text_ += uri[i];
                origin_.push_back(i);
            }
        }
        cut(0);
        for (const auto base : bases) {
            if (std::string_view(text_).starts_with(base)) {
                cut(base.size() - 1);
            }
        }
        const bool doubled =
            uri.substr(0, last_end_).find("//") != std::string_view::npos;
        if (doubled) {
            empty_segment = true;
            claim.add({psm::Carrier::path, psm::TokenShape::malformed, {}});
        }
    }

    [[nodiscard]] std::string clean() const
    {
        return text_.empty() ? "/" : text_;
    }

    /// A gap between the origins of neighbours is where a run stood.
    [[nodiscard]] std::string masked() const
    {
        std::string out;
        for (std::size_t i = 0; i < text_.size(); i++) {
            if (is_marked(i)) {
                out += "/t/****";
            }
            out += text_[i];
        }
        return is_marked(text_.size()) ? out + "/t/****" : out;
    }

    psm::Claim claim;
    bool nothing_behind = false;
    bool empty_segment = false;
    bool found = false;

private:
    void cut(std::size_t at)
    {
        const auto begins = [&](std::string_view pair) {
            return std::string_view(text_).substr(at).starts_with(pair);
        };
        while (begins("/t/") || std::string_view(text_).substr(at) == "/t") {
            const auto from = std::min(at + 3, text_.size());
            const auto end = std::min(text_.find('/', from), text_.size());
            const auto token = text_.substr(from, end - from);
            claim.add({psm::Carrier::path,
                       psm::classify_token(token, psm::TokenFormat::any),
                       keep(token, from)});
            found = true;
            nothing_behind = !token.empty() && end == text_.size();
            last_end_ = origin_[end - 1] + 1;
            marks_.push_back(at == 0 ? 0 : origin_[at - 1] + 1);
            text_.erase(at, end - at);
            origin_.erase(origin_.begin() + static_cast<std::ptrdiff_t>(at),
                          origin_.begin() + static_cast<std::ptrdiff_t>(end));
        }
    }

    /// The token's own place in the URI: a Claim keeps views.
    std::string_view keep(std::string_view token, std::size_t from) const
    {
        return token.empty() ? std::string_view()
                             : uri_.substr(origin_[from], token.size());
    }

    [[nodiscard]] bool is_marked(std::size_t i) const
    {
        const auto from = i == 0 ? 0 : origin_[i - 1] + 1;
        return std::find(marks_.begin(), marks_.end(), from) != marks_.end();
    }

    std::string_view uri_;
    std::string text_;
    std::vector<std::size_t> origin_;
    std::vector<std::size_t> marks_;
    std::size_t last_end_ = 0;
};

/// URIs and bases of few words, so that they meet often.
class RandomUris {
public:
    explicit RandomUris(bool doubled) : doubled_(doubled) {}

    std::string uri()
    {
        static constexpr std::array<std::string_view, 12> segments{
            "t",     "t", "t",  "api",   "repo", "api",
            TOKEN_A, "x", "tt", TOKEN_B, "**",   TOKEN_A};
        std::string text;
        for (auto left = pick(9); left > 0; left--) {
            text += slash();
            text += segments[pick(segments.size())];
        }
        if (text.empty() || pick(3) == 0) {
            text += slash();
        }
        return text;
    }

    Bases bases()
    {
        static constexpr std::array<std::string_view, 9> all{
            "/",          "/x/",           "/api/",
            "/repo/",     "/api/api/",     "/api/repo/",
            "/repo/api/", "/repo/repo/x/", "/api/repo/api/"};
        Bases bases;
        for (const auto base : all) {
            if (bases.size() < psm::max_bases && pick(2) == 0) {
                bases.push_back(base);
            }
        }
        return bases;
    }

private:
    std::size_t pick(std::size_t n) { return random_() % n; }

    std::string_view slash()
    {
        return doubled_ && pick(6) == 0 ? (pick(3) == 0 ? "///" : "//") : "/";
    }

    bool doubled_;
    std::mt19937 random_{20240601};
};
