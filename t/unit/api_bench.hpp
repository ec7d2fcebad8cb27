// SPDX-License-Identifier: BSD-2-Clause
//
// An API on a Redis in memory, and those who ask it.
//
//     ApiBench bench;
//     const Shown ci = bench.token("alice", R"("scopes":["user.token:view"])");
//     const Answer answer = bench.ask("GET", "/account", ci);

#pragma once

#include "api.hpp"
#include "check.hpp"
#include "digest.hpp"
#include "redis_double.hpp"
#include "token.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace bench {

using nlohmann::json;

constexpr std::int64_t now = 1790000000;
constexpr std::int64_t day = 24 * 3600;

/// A token as its holder has it, or a person.
struct Shown {
    std::string id{};
    std::string text{};
    psm::ApiCaller caller{};
};

struct Answer {
    unsigned status = 0;
    std::string type{};
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{};
    json content{};

    [[nodiscard]] std::string header(std::string_view name) const
    {
        for (const auto& [key, value] : headers) {
            if (key == name) {
                return value;
            }
        }
        return "";
    }

    [[nodiscard]] std::string code() const
    {
        return content.is_object() ? content.value("code", "") : "";
    }

    /// The fields that an error names, separated by blanks.
    [[nodiscard]] std::string fields() const
    {
        std::string text;
        if (content.is_object() && content.contains("errors")) {
            for (const json& error : content["errors"]) {
                text += (text.empty() ? "" : " ") +
                        error["field"].get<std::string>();
            }
        }
        return text;
    }
};

inline std::string hex_digest(std::string_view text)
{
    psm::TokenDigest digest;
    check_that("digest", psm::Hasher().digest(text, digest));
    const auto hex = digest.hex();
    return {hex.data(), hex.size()};
}

/// A token that nobody has a record of.
inline Shown stranger(std::string_view text)
{
    return {.text = std::string(text),
            .caller = {.standing = psm::Standing::known,
                       .digest = hex_digest(text)}};
}

inline Shown person(std::string name, bool admin = false)
{
    return {.caller = {.user = std::move(name), .admin = admin}};
}

class ApiBench {
public:
    doubles::RedisDouble redis;
    psm::Store store{redis, "psm:"};
    psm::Api::Limits limits;
    psm::DenialNotes notes;
    psm::Api api;
    psm::ApiRequest request; // what all requests have, for tests to change

    explicit ApiBench(psm::Api::Limits given = {})
        : limits(given), api(store, limits, notes)
    {
        request.site = "https://psm.example";
        request.content_type = "application/json";
        request.request_id = "0123456789abcdef0123456789abcdef";
        request.client = "192.0.2.1";
        request.now = now;
    }

    /// `more`: the members of a record that say what the token may do, and
    /// whatever else; those that are named twice count as in `more`.
    Shown token(const std::string& owner, const std::string& more)
    {
        const json members = json::parse("{" + more + "}");
        const bool by_scope = members.contains("scopes");
        json record{
            {"v", 1},         {"rev", 1},
            {"name", "x"},    {"owner", owner},
            {"created", now}, {"expires", now + 100 * day},
            {"by", owner},    {"type", by_scope ? "scope" : "resource"}};
        record["id"] = "id-" + std::to_string(++count_);
        record.update(members);
        return keep(record.at("id"), record.dump(), owner);
    }

    /// A record as it stands.
    Shown keep(const std::string& id, const std::string& record,
               const std::string& owner)
    {
        Shown shown = stranger(psm::generate_token());
        shown.id = id;
        redis.strings["psm:t:" + shown.caller.digest] = record;
        redis.strings["psm:i:" + id] = shown.caller.digest;
        redis.zsets["psm:ix:all"][id] = now;
        redis.zsets["psm:ix:o:" + owner][id] = now;
        return shown;
    }

    void user(const std::string& name, const std::string& members)
    {
        redis.strings["psm:user:" + name] = R"({"v":1)" + members + "}";
    }

    void channel(const std::string& path, const std::string& privacy)
    {
        redis.strings["psm:c:" + path] =
            R"({"v":1,"privacy":")" + privacy + R"("})";
        redis.sets["psm:ix:c"].insert(path);
    }

    /// As it is stored now.
    json record(const std::string& id)
    {
        return json::parse(
            redis.strings.at("psm:t:" + redis.strings.at("psm:i:" + id)));
    }

    Answer ask(std::string method, std::string target, const Shown& shown,
               std::string body = "")
    {
        psm::ApiRequest asked = request;
        const std::size_t mark = std::min(target.find('?'), target.size());
        asked.method = std::move(method);
        asked.path = target.substr(0, mark);
        asked.args = target.substr(std::min(mark + 1, target.size()));
        asked.body = std::move(body);
        asked.caller = shown.caller;
        psm::ApiResponse got = psm::run_now(api.answer(std::move(asked)));
        Answer answer{.status = got.status,
                      .type = got.type,
                      .body = got.body,
                      .headers = got.headers};
        if (!answer.body.empty()) {
            answer.content = json::parse(answer.body);
        }
        return answer;
    }

private:
    int count_ = 0;
};

/// The status, and the code of an error behind it.
inline std::string outcome(const Answer& answer)
{
    const std::string code = answer.code();
    return std::to_string(answer.status) + (code.empty() ? "" : " " + code);
}

} // namespace bench
