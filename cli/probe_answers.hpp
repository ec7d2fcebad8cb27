// SPDX-License-Identifier: BSD-2-Clause
//
// The requests of a probe, each made once, and what came back. A file is
// named by its path in the channel, as in "noarch/repodata.json".

#pragma once

#include "http_client.hpp"
#include "probe.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace psm::cli {

/// How the token is sent.
enum class Carrier : std::uint8_t {
    none,
    front,    // /t/TOKEN/<base>/<channel>
    behind,   // <base>/t/TOKEN/<channel>
    bearer,   // Authorization: Bearer TOKEN
    token,    // Authorization: token TOKEN
    password, // Authorization: Basic, token:TOKEN
    user,     // Authorization: Basic, TOKEN:
    x_auth,
    x_api_key,
};

struct Question {
    std::string file;
    Carrier carrier = Carrier::front;
    bool head = false;
    std::string field{}; // one more header field
};

class ProbeAnswers {
public:
    ProbeAnswers(ProbeSite site, const std::string& token);

    /// The first time it is asked.
    const HttpAnswer& operator()(const Question& question);

    long status(const std::string& file) { return (*this)({file}).status; }

    long head_status(const std::string& file)
    {
        return (*this)({.file = file, .head = true}).status;
    }

    /// The files whose answers showed the token where it is of no use.
    [[nodiscard]] const std::string& telltales() const noexcept
    {
        return telltales_;
    }

    [[nodiscard]] const ProbeSite& site() const noexcept { return site_; }

    /// Asks with another token; "" and no carrier: with none.
    [[nodiscard]] HttpAnswer ask_as(const std::string& token,
                                    const Question& question);

private:
    [[nodiscard]] bool tells(const HttpAnswer& answer) const;

    ProbeSite site_;
    const std::string& token_;
    HttpClient client_;
    std::map<std::string, HttpAnswer> answers_; // by what was asked
    std::string telltales_;
};

/// "404 Not Found", or why there is none.
[[nodiscard]] std::string describe_answer(const HttpAnswer& answer);

/// What each client will do with all that.
void judge_clients(ProbeAnswers& answers, Findings& findings);

} // namespace psm::cli
