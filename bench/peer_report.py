# SPDX-License-Identifier: BSD-2-Clause
#
# The gate beside its peers, how soon a revocation holds, and growth, as
# Markdown.

from statistics import median
from textwrap import fill

from bars import growth_ratios, peer_ratios, percentile
from peer_variants import CASES, GATES, LABELS, REMEMBER, WORKLOADS
from text import spread, table

CHART = "results.svg"


def _cpu_row(measured, case):
    ones = measured[case.key]

    def of(what):
        return f"{median(one[what] for one in ones) * 1e6:.2f}"

    plain = f"plain:{'hot' if case.work == 'hot' else 'many'}"
    beside = [one["all"] / other["all"]
              for one, other in zip(ones, measured[plain])]
    gate = [one["all"] / other["all"]
            for one, other in zip(ones, measured[f"gate:{case.work}"])] \
        if case.kind not in ("plain", "gate") else []
    return (LABELS[case.kind], of("nginx"), of("redis"),
            of("service") if case.kind.startswith("auth") else "",
            spread([one["all"] * 1e6 for one in ones], ".2f"),
            f"{median(one['gets'] for one in ones):.2f}",
            f"{median(one['rate'] for one in ones):,.0f}",
            f"{median(beside):.2f}", spread(gate, ".2f") if gate else "")


def _cpu(peers, workers):
    measured = peers["rounds"][workers]
    head = ("", "nginx", "Redis", "service", "together", "GETs",
            "requests/s", "to plain", "to the gate")
    parts = [f"### {WORKLOADS[work].capitalize()}, "
             + ("one worker" if workers == 1 else f"{workers} workers") + "\n\n"
             + table(head, [_cpu_row(measured, case) for case in CASES
                            if case.work == work])
             for work in WORKLOADS]
    return "\n\n".join(parts)


def _latency(peers):
    def row(kind):
        cells = [LABELS[kind]]
        for work in WORKLOADS:
            ones = peers["latency"].get(f"{kind}:{work}")
            cells.append(" / ".join(
                f"{median(one[p] for one in ones) / 1000:.2f}"
                for p in ("p50", "p99")) if ones else "")
        return cells

    text = fill(
        f"At {peers['rate']:,} requests per second, one worker, "
        f"{peers['repeats']} times {peers['seconds']} s of each, by turns: "
        "medians of p50 / p99, in milliseconds. A request's time counts from "
        "when it is due, not from when a connection is free for it. The load, "
        "Redis and the service have the other core, and disturb each other.",
        80)
    return "### Latency at a constant rate\n\n" + text + "\n\n" + table(
        ("", *WORKLOADS.values()), [row(kind) for kind in LABELS])


def _memory(peers):
    def row(kind):
        cells = [LABELS[kind]]
        for workers in sorted(peers["memory"]):
            one = peers["memory"][workers][kind]
            empty, full = sum(one["empty"]), sum(one["full"])
            cells += [f"{empty / 1024:,.0f}", f"{full / 1024:,.0f}",
                      f"{(full - empty) / 10000:,.0f}"
                      if kind in REMEMBER else ""]
        return cells

    head = [""]
    for workers in sorted(peers["memory"]):
        words = "1 worker" if workers == 1 else f"{workers} workers"
        head += [f"{words}: started, KiB", "10,000 tokens, KiB",
                 "bytes per token"]
    text = fill("All processes of a gate, what they share counted once (Pss), "
                "just started, and when 10,000 tokens have been asked for. A "
                "proxy_cache has one file for each as well.", 80)
    return "### Memory\n\n" + text + "\n\n" + table(
        head, [row(kind) for kind in LABELS])


def write_peers(peers):
    text = fill(
        "The same files, the same tokens, the same Redis "
        f"({peers['records']:,} records) for all; peer_bodies.py has the "
        "peers and what they leave out. In one run, each for about "
        f"{peers['length']} s a round, the order rotated, and turned round in "
        f"every second; wrk with {peers['connections']} connections. CPU time "
        "per request in microseconds (user + sys, the kernel's count): "
        "medians, in brackets the quartiles, and ratios of one round. With one "
        "worker it has a core, and wrk, Redis and the service the other; two "
        "share both with them. What is remembered has been asked for once "
        "before each measurement; every token new: each is asked for once by "
        "each gate, out of a hundred thousand and more.", 80)
    cold = {workers: peer_ratios(peers, workers, "gate:cold", "lua:cold")
            for workers in peers["rounds"]}
    remark = fill("Every token new, nginx and Redis together, beside Lua "
                  "without a cache: " + "; ".join(
                      f"{spread(cold[n], '.3f')} with {n} worker"
                      + ("s" if n > 1 else "") for n in sorted(cold)) + ".", 80)
    parts = ["## Beside the peers", f"![CPU time per request]({CHART})", text]
    parts += [_cpu(peers, workers) for workers in sorted(peers["rounds"])]
    return "\n\n".join(parts + [remark, _latency(peers), _memory(peers)])


def _prompt_row(kind, one):
    cells = [LABELS[kind], f"{len(one['come'])}"]
    for name in ("sent", "come"):
        cells += [f"{percentile(one[name], part) / 1000:.2f}"
                  for part in (0.5, 0.99, 1.0)]
    return (*cells, f"{one['late']}", f"{one['returned']}",
            f"{one['unavailable']}", f"{one['busy']:.0%}")


def write_revocation(revocation):
    text = fill(
        f"{revocation['workers']} workers, {revocation['rate']:,} requests per "
        "second for 10,000 other tokens meanwhile, and two connections to each "
        "worker that ask for the token again and again. By turns a DEL and the "
        "record of a deleted token. Milliseconds from Redis's reply to the last "
        "request that any worker let in: by when it was sent, and by when its "
        "answer had come (the bar). Late: still let in after 2 s. Let in again: "
        "by a worker that had refused. Busy: CPU time of the workers by the "
        "clock, of two cores that they share with all else.", 80)
    parts = ["## How soon a revocation holds", text, table(
        ("", "revocations", "sent: p50", "p99", "max", "answered: p50", "p99",
         "max", "late", "let in again", "503", "busy"),
        [_prompt_row(kind, one)
         for kind, one in revocation["prompt"].items()])]
    if revocation["timed"]:
        parts += [fill(
            "Those that wait for a time to be over: "
            f"{revocation['at_once']} tokens, each asked for just before it was "
            "revoked, in seconds.", 80), table(
                ("", "p50", "p99", "max", "not within the limit"),
                [(LABELS[kind], *(f"{percentile(one['seconds'], part):.1f}"
                                  for part in (0.5, 0.99, 1.0)),
                  f"{one['late']}")
                 for kind, one in revocation["timed"].items()])]
    return "\n\n".join(parts)


def write_growth(growth):
    measured = growth["measured"]
    rows = []
    for work, words in (("hit", "hit, one token"),
                        ("miss", "look-up, one token, one connection"),
                        ("spread", "look-up, up to 10,000 tokens")):
        for count in growth["counts"]:
            ones = measured[work][count]
            if ones:
                beside = growth_ratios(growth, work, count) \
                    if measured[work][1] else []
                rows.append((
                    words, f"{count:,}",
                    f"{median(one['nginx'] for one in ones) * 1e6:.2f}",
                    "" if work == "hit" else
                    f"{median(one['redis'] for one in ones) * 1e6:.2f}",
                    spread([one["all"] * 1e6 for one in ones], ".2f"),
                    spread(beside, ".3f") if beside else ""))
    text = fill("A Redis and the gate for each number of records, all there at "
                "once and measured by turns; microseconds of CPU time. A "
                "look-up is made without a cache.", 80)
    return "## Growth\n\n" + text + "\n\n" + table(
        ("", "records", "nginx per request", "Redis per GET",
         "together per request", "to one record"), rows)
