// SPDX-License-Identifier: BSD-2-Clause

#include "probe_answers.hpp"

#include "command.hpp"

#include "../lib/text.hpp"

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include <algorithm>

namespace psm::cli {

namespace {

std::string encode_base64(std::string_view text)
{
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

/// "Authorization: ..." and the like; "" where the token is in the path.
std::string token_field(Carrier carrier, const std::string& token)
{
    switch (carrier) {
    case Carrier::bearer:
        return "Authorization: Bearer " + token;
    case Carrier::token:
        return "Authorization: token " + token;
    case Carrier::password:
        return "Authorization: Basic " + encode_base64("token:" + token);
    case Carrier::user:
        return "Authorization: Basic " + encode_base64(token + ":");
    case Carrier::x_auth:
        return "X-Auth: " + token;
    case Carrier::x_api_key:
        return "X-API-Key: " + token;
    case Carrier::none:
    case Carrier::front:
    case Carrier::behind:
        break;
    }
    return "";
}

std::string make_url(const ProbeSite& site, const Question& question,
                     const std::string& token)
{
    const std::string pair = "/t/" + token;
    const std::string file = "/" + site.channel + "/" + question.file;
    switch (question.carrier) {
    case Carrier::front:
        return site.origin + pair + site.base + file;
    case Carrier::behind:
        return site.origin + site.base + pair + file;
    default:
        return site.origin + site.base + file;
    }
}

/// Whatever is wrong must not show the token.
void mask(std::string& text, const std::string& token)
{
    for (std::size_t at = text.find(token);
         !token.empty() && at != std::string::npos; at = text.find(token)) {
        text.replace(at, token.size(), "****");
    }
}

/// The member of a JSON object that is a text.
std::string text_member(const std::string& json, const char* name)
{
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    if (!parsed.is_object() || !parsed.contains(name) ||
        !parsed[name].is_string()) {
        return "";
    }
    return parsed[name].get<std::string>();
}

} // namespace

ProbeAnswers::ProbeAnswers(ProbeSite site, const std::string& token)
    : site_(std::move(site)), token_(token), client_(site_.ca)
{
}

const HttpAnswer& ProbeAnswers::operator()(const Question& question)
{
    std::string key = question.file + "\n" + question.field + "\n";
    key += std::to_string(static_cast<int>(question.carrier));
    key += question.head ? " HEAD" : "";
    const auto found = answers_.find(key);
    if (found != answers_.end()) {
        return found->second;
    }
    HttpAnswer answer = ask_as(token_, question);
    if (tells(answer)) {
        telltales_ += (telltales_.empty() ? "" : ", ") + question.file;
    }
    return answers_.emplace(std::move(key), std::move(answer)).first->second;
}

/// A redirect within the site has to hold it, any other must not.
bool ProbeAnswers::tells(const HttpAnswer& answer) const
{
    if (answer.body.find(token_) != std::string::npos) {
        return true;
    }
    return std::ranges::any_of(answer.fields, [&](const auto& field) {
        const auto& [name, value] = field;
        const bool within =
            name == "location" &&
            (value.starts_with(site_.origin + "/") ||
             (value.starts_with('/') && !value.starts_with("//")));
        return !within && value.find(token_) != std::string::npos;
    });
}

HttpAnswer ProbeAnswers::ask_as(const std::string& token,
                                const Question& question)
{
    HttpRequest request{.head = question.head,
                        .url = make_url(site_, question, token)};
    std::string field = token_field(question.carrier, token);
    if (!field.empty()) {
        request.fields.push_back(field);
    }
    if (!question.field.empty()) {
        request.fields.push_back(question.field);
    }
    HttpAnswer answer = client_.ask(request);
    mask(answer.error, token);
    wipe(request.url);
    wipe(field);
    for (std::string& sent : request.fields) {
        wipe(sent);
    }
    return answer;
}

std::string describe_answer(const HttpAnswer& answer)
{
    if (answer.status == 0) {
        return "no answer: " + answer.error;
    }
    std::string text = std::to_string(answer.status);
    const std::string code = text_member(answer.body, "code");
    const std::string detail = text_member(answer.body, "detail");
    if (!code.empty()) {
        text += " " + code;
    }
    if (!detail.empty()) {
        text += " (" + detail + ")";
    }
    return text;
}

} // namespace psm::cli
