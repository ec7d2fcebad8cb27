// SPDX-License-Identifier: BSD-2-Clause

#include "doctor_redis.hpp"

#include "redis_client.hpp"
#include "replication.hpp"

#include "../lib/clock_text.hpp"

#include <sys/time.h>

#include <charconv>

namespace psm::cli {

namespace {

constexpr std::string_view area = "redis";

constexpr std::int64_t tolerated_skew_ms = 1000;

/// The number that a text begins with, 0 for none.
std::int64_t number(std::string_view text)
{
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string why_not(const RedisValue& error)
{
    return "not told to this user: " + quote_reply(error.text);
}

/// One line of the configuration; nil or an error where it may not be read.
RedisValue config(const Patient& patient, const std::string& name)
{
    RedisValue reply = patient.ask({"CONFIG", "GET", name});
    if (reply.elements.size() == 2) {
        return reply.elements[1];
    }
    return reply.is_error() ? reply : RedisValue{};
}

std::int64_t here_ms()
{
    timeval now{};
    gettimeofday(&now, nullptr);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_usec / 1000;
}

void examine_version(const Patient& patient, std::string_view info)
{
    const std::string_view valkey = info_value(info, "valkey_version");
    const std::string_view version = info_value(info, "redis_version");
    const std::string name = valkey.empty()
                                 ? "Redis " + std::string(version)
                                 : "Valkey " + std::string(valkey) +
                                       ", as Redis " + std::string(version);
    const std::int64_t major = number(version);
    if (major >= 7) {
        patient.findings.add(Verdict::good, area, "version", name);
    } else if (major == 6) {
        patient.findings.add(Verdict::note, area, "version",
                             name + ": works, but only 7 lets the gate's user "
                                    "be limited to reading (%R~)");
    } else {
        patient.findings.add(Verdict::problem, area, "version",
                             name + ": the gate remembers nothing with it. "
                                    "Use 6.2, better 7 or later");
    }
}

void examine_tracking(const Patient& patient)
{
    const RedisValue on = patient.ask(
        {"CLIENT", "TRACKING", "on", "BCAST", "PREFIX", patient.key("t:")});
    if (!on.is_error()) {
        static_cast<void>(patient.ask({"CLIENT", "TRACKING", "off"}));
        patient.findings.add(Verdict::good, area, "client tracking", "works");
        return;
    }
    const bool forbidden = on.text.starts_with("NOPERM");
    patient.findings.add(
        forbidden ? Verdict::note : Verdict::problem, area, "client tracking",
        forbidden
            ? "this user may not try it; --gate-user NAME looks at the gate's"
            : quote_reply(on.text) + ": the gate remembers nothing");
}

} // namespace

RedisValue Patient::ask(const std::vector<std::string>& words) const
{
    const std::vector<std::string_view> views(words.begin(), words.end());
    return redis.ask(views);
}

std::string_view info_value(std::string_view info, std::string_view name)
{
    while (!info.empty()) {
        const std::size_t end = std::min(info.find("\r\n"), info.size());
        const std::string_view line = info.substr(0, end);
        if (line.starts_with(name) &&
            line.substr(name.size()).starts_with(':')) {
            return line.substr(name.size() + 1);
        }
        info.remove_prefix(std::min(end + 2, info.size()));
    }
    return {};
}

void examine_server(const Patient& patient)
{
    patient.findings.add(Verdict::good, area, "connection",
                         patient.redis.place());
    const RedisValue info = patient.ask({"INFO", "server"});
    if (info.is_error()) {
        patient.findings.add(Verdict::unknown, area, "version", why_not(info));
    } else {
        examine_version(patient, info.text);
    }
    const RedisValue role = patient.ask({"ROLE"});
    const bool master =
        !role.elements.empty() && role.elements.front().text == "master";
    if (role.is_error()) {
        patient.findings.add(Verdict::unknown, area, "role", why_not(role));
    } else {
        patient.findings.add(master ? Verdict::good : Verdict::problem, area,
                             "role",
                             master ? "master"
                                    : "no master: nothing can be changed here, "
                                      "and its word is as old as its "
                                      "replication. Give the address of the "
                                      "master, or sentinels");
    }
    examine_tracking(patient);
}

void examine_keeping(const Patient& patient)
{
    const RedisValue memory = patient.ask({"INFO", "memory"});
    const std::string policy(info_value(memory.text, "maxmemory_policy"));
    if (memory.is_error() || policy.empty()) {
        patient.findings.add(Verdict::unknown, area, "eviction",
                             why_not(memory));
    } else if (policy == "noeviction") {
        patient.findings.add(Verdict::good, area, "eviction", policy);
    } else {
        patient.findings.add(
            Verdict::problem, area, "eviction",
            "maxmemory-policy is " + policy +
                ": when memory runs out tokens vanish, and channels become "
                "as open as those above them. Set noeviction");
    }

    const RedisValue info = patient.ask({"INFO", "persistence"});
    if (info.is_error()) {
        patient.findings.add(Verdict::unknown, area, "persistence",
                             why_not(info));
        return;
    }
    const bool broken =
        info_value(info.text, "rdb_last_bgsave_status") == "err" ||
        info_value(info.text, "aof_last_write_status") == "err";
    const RedisValue save = config(patient, "save");
    if (broken) {
        patient.findings.add(Verdict::problem, area, "persistence",
                             "the last attempt to write to the disk failed: "
                             "see the log of Redis");
    } else if (info_value(info.text, "aof_enabled") == "1") {
        patient.findings.add(Verdict::good, area, "persistence", "appendonly");
    } else if (save.is_error()) {
        patient.findings.add(Verdict::note, area, "persistence",
                             "no appendonly; whether it saves at all is " +
                                 why_not(save));
    } else {
        patient.findings.add(
            Verdict::note, area, "persistence",
            save.text.empty()
                ? "none: a restart forgets every token. Set appendonly yes"
                : "snapshots only (save " + save.text +
                      "): a crash loses revocations since the last. Set "
                      "appendonly yes");
    }
}

void examine_replicas(const Patient& patient)
{
    if (patient.ask({"ROLE"}).is_error()) {
        return; // which was said
    }
    const Replication done = wait_for_replica(patient.redis);
    switch (done.state) {
    case Replication::State::alone:
        patient.findings.add(Verdict::note, area, "replicas",
                             "none: when this Redis is lost, so is what is in "
                             "it");
        return;
    case Replication::State::unconfirmed:
        patient.findings.add(Verdict::problem, area, "replicas",
                             done.why + ": a failover may undo changes");
        break;
    case Replication::State::confirmed:
        patient.findings.add(Verdict::good, area, "replicas",
                             "one confirms what it has got");
        break;
    }
    const RedisValue least = config(patient, "min-replicas-to-write");
    if (least.is_error() || least.is_nil()) {
        patient.findings.add(Verdict::note, area, "min-replicas-to-write",
                             why_not(least));
    } else if (number(least.text) == 0) {
        patient.findings.add(Verdict::note, area, "min-replicas-to-write",
                             "0: a master that is cut off takes revocations "
                             "that will be lost. Set 1");
    } else {
        patient.findings.add(Verdict::good, area, "min-replicas-to-write",
                             least.text);
    }
}

void examine_clock(const Patient& patient)
{
    const std::int64_t before = here_ms();
    const RedisValue time = patient.ask({"TIME"});
    const std::int64_t after = here_ms();
    if (time.elements.size() != 2) {
        patient.findings.add(Verdict::unknown, area, "clock", why_not(time));
        return;
    }
    const std::int64_t there = number(time.elements[0].text) * 1000 +
                               number(time.elements[1].text) / 1000;
    // The question took a while, and was answered somewhere in it.
    const std::int64_t skew = there < before  ? before - there
                              : there > after ? there - after
                                              : 0;
    if (skew <= tolerated_skew_ms) {
        patient.findings.add(Verdict::good, area, "clock",
                             "within a second of this host's");
        return;
    }
    patient.findings.add(
        Verdict::problem, area, "clock",
        format_duration((skew + 999) / 1000) +
            (there < before ? " behind" : " ahead of") +
            " this host's: expiry is judged by the clocks of the gates. "
            "Synchronise all of them");
}

} // namespace psm::cli
