// SPDX-License-Identifier: BSD-2-Clause
//
// Rights are asked for without being used: one's own in a MULTI, whose
// commands are judged when they are queued and then discarded; another's with
// ACL DRYRUN (Redis 7).

#include "doctor_redis.hpp"
#include "redis_client.hpp"

#include <algorithm>
#include <array>

namespace psm::cli {

namespace {

constexpr std::string_view area = "rights";

/// A command; a word that begins with @ is a key, whose prefix is put there.
using Words = std::vector<std::string>;

Words with_prefix(const Patient& patient, Words words)
{
    for (std::string& word : words) {
        if (word.starts_with('@')) {
            word = patient.key(word.substr(1));
        }
    }
    return words;
}

/// What every command of psm-token is made of.
std::vector<Words> own_commands()
{
    return {{"GET", "@t:x"},
            {"MGET", "@i:x", "@c:x", "@user:x"},
            {"HMGET", "@u", "x"},
            {"SMEMBERS", "@ix:c"},
            {"ZRANGE", "@ix:all", "0", "0"},
            {"ZCOUNT", "@ix:o:x", "0", "0"},
            {"XRANGE", "@audit", "-", "+", "COUNT", "1"},
            {"EVAL", "return 0", "1", "@t:x"},
            {"EVALSHA", "x", "1", "@t:x"},
            {"TYPE", "@ix:all"},
            {"SET", "@t:x", "x"},
            {"DEL", "@i:x"},
            {"PEXPIREAT", "@t:x", "1"},
            {"ZADD", "@ix:exp", "1", "x"},
            {"ZREM", "@ix:b:x", "x"},
            {"ZREMRANGEBYSCORE", "@ix:del", "0", "0"},
            {"SADD", "@ix:u", "x"},
            {"HSET", "@u", "x", "1"},
            {"HDEL", "@u", "x"},
            {"SREM", "@ix:u", "x"},
            {"XADD", "@audit", "*", "x", "x"},
            {"ROLE"},
            {"WAIT", "0", "1"}};
}

struct GateRight {
    Words words;
    std::string_view without; // it
};

constexpr std::string_view no_reads = "the gate can look nothing up";
constexpr std::string_view no_cache = "the gate remembers nothing";

std::vector<GateRight> gate_commands()
{
    return {
        {{"GET", "@t:x"}, no_reads},
        {{"GET", "@c:x"}, no_reads},
        {{"PING"}, no_reads},
        {{"CLIENT", "SETNAME", "x"}, "connections of the gate have no name"},
        {{"CLIENT", "ID"}, no_cache},
        {{"CLIENT", "TRACKING", "on", "REDIRECT", "1", "BCAST"}, no_cache},
        {{"SUBSCRIBE", "__redis__:invalidate"}, no_cache},
        {{"ROLE"}, no_cache},
        {{"INFO", "server"}, no_cache}};
}

/// "client tracking"; what the rights are about, not the arguments.
std::string name_of(const Words& words)
{
    std::string name = words.front();
    if (name == "CLIENT") {
        name += " " + words[1];
    }
    std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const auto key = std::ranges::find_if(
        words, [](const std::string& word) { return word.starts_with('@'); });
    return key == words.end() ? name : name + " " + key->substr(1);
}

std::string join(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

/// Whether another user may; nullopt: that is not told.
std::optional<bool> may(const Patient& patient, const std::string& user,
                        const Words& words)
{
    Words question = with_prefix(patient, words);
    question.insert(question.begin(), {"ACL", "DRYRUN", user});
    const RedisValue reply = patient.ask(question);
    if (reply.is_error()) {
        return std::nullopt;
    }
    return reply.text == "OK";
}

/// What the gate has no use for, and an intruder has.
void examine_excess(const Patient& patient, const std::string& user)
{
    std::vector<std::string> excess;
    for (const Words& words :
         {Words{"SET", "@t:x", "x"}, Words{"SET", "@c:x", "x"},
          Words{"DEL", "@t:x"}, Words{"GET", "@user:x"}, Words{"FLUSHALL"},
          Words{"CONFIG", "SET", "x", "x"}, Words{"EVAL", "return 0", "0"}}) {
        if (may(patient, user, words).value_or(false)) {
            excess.push_back(name_of(words));
        }
    }
    patient.findings.add(
        excess.empty() ? Verdict::good : Verdict::note, area,
        user + " may do no more",
        excess.empty()
            ? "it only reads"
            : "it may also " + join(excess) +
                  ": who takes over the gate can make tokens. See README for "
                  "a user that only reads");
}

} // namespace

void examine_own_rights(const Patient& patient)
{
    if (const RedisValue multi = patient.ask({"MULTI"}); multi.is_error()) {
        patient.findings.add(Verdict::note, area, "psm-token",
                             "this user may not use MULTI, so that its rights "
                             "are not known before they are needed");
        return;
    }
    std::vector<std::string> lacking;
    for (const Words& words : own_commands()) {
        const RedisValue reply = patient.ask(with_prefix(patient, words));
        if (reply.is_error()) {
            lacking.push_back(name_of(words));
        }
    }
    static_cast<void>(patient.ask({"DISCARD"}));
    patient.findings.add(
        lacking.empty() ? Verdict::good : Verdict::problem, area, "psm-token",
        lacking.empty() ? "this user may do all that psm-token needs"
                        : "this user may not " + join(lacking) +
                              ": some commands will fail");
}

void examine_gate_rights(const Patient& patient, const std::string& user)
{
    std::vector<std::string> lacking;
    std::string_view without;
    for (const GateRight& right : gate_commands()) {
        const auto granted = may(patient, user, right.words);
        if (!granted) {
            patient.findings.add(
                Verdict::unknown, area, user,
                "there is no such user, or this one may not use ACL DRYRUN, "
                "which Redis has from 7 on");
            return;
        }
        if (!*granted) {
            without = without.empty() ? right.without : without;
            lacking.push_back(name_of(right.words));
        }
    }
    patient.findings.add(lacking.empty() ? Verdict::good : Verdict::problem,
                         area, user,
                         lacking.empty() ? "may do all that the gate needs"
                                         : "may not " + join(lacking) + ": " +
                                               std::string(without));
    examine_excess(patient, user);
}

} // namespace psm::cli
