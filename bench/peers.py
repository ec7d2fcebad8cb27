# SPDX-License-Identifier: BSD-2-Clause
#
# The gate beside its peers: CPU time per request of nginx, Redis and service,
# with one worker and with two; memory with 10,000 tokens remembered; latency at
# a constant rate. All in one run, on the same files and tokens, in rounds whose
# order is rotated and turned round, as in rounds.py: what counts are the ratios
# of one round.

from peer_rig import PeerRig
from peer_variants import CASES, MANY, UNKNOWN
from rounds import commands_between

# Requests per second that no gate answers with one worker, with two; a little
# longer than it is let to, wrk asks.
FASTEST = {1: 75000, 2: 130000}
LONGER = 0.1


def _order(number):
    first = number * 5 % len(CASES)  # 5 and the number of cases have no divisor
    cases = CASES[first:] + CASES[:first]
    return cases if number % 2 == 0 else cases[::-1]


class _Lots:
    """New tokens: one lot a round, which every gate gets once."""

    def __init__(self, rig):
        self._rig, self._number, self._size = rig, -1, 0

    def next(self, size):
        """All lots of a part have one size."""
        if size != self._size:
            used = (self._number + 1) * self._size
            self._number, self._size = -(-used // size) - 1, size
        self._number += 1
        self._rig.write("cold", self._rig.lines.new(self._number, size))


def _lot(workers, length):
    return int(FASTEST[workers] * (length + LONGER))


def _fill(rig, case):
    if case.remembered:
        rig.fill(case.kind, case.work, case.status)


def _measure_one(rig, case, length, seed):
    site, store = rig.sites[case.kind], rig.store
    _fill(rig, case)
    calls, redis, cpu = store.calls(), store.cpu(), site.cpu()
    counted = rig.flood(case, case.work, length, seed)
    nginx, service = (after - before
                      for after, before in zip(site.cpu(), cpu))
    redis = store.cpu() - redis
    gets = commands_between(calls, store.calls()).get("get", 0)
    case.check(counted, gets, rig.bench.options.connections)
    requests = counted["requests"]
    return {"nginx": nginx / requests, "redis": redis / requests,
            "service": service / requests, "gets": gets / requests,
            "all": (nginx + redis + service) / requests,
            "rate": requests / counted["seconds"]}


def _rounds(rig, lots, workers, count, length):
    """By case a list of rounds."""
    measured = {case.key: [] for case in CASES}
    for number in range(count):
        lots.next(_lot(workers, length))
        rig.bench.progress(
            f"peers: round {number + 1} of {count}, workers: {workers}")
        for case in _order(number):
            measured[case.key].append(_measure_one(rig, case, length, number))
    return measured


def _memory(rig):
    """By kind: bytes before, and when 10,000 tokens have been asked for."""
    empty = {kind: site.memory() for kind, site in rig.sites.items()}
    for kind in rig.sites:
        # Each of two workers has most of them after a few times.
        for _ in range(1 if len(rig.sites[kind].nginx.workers) == 1 else 4):
            rig.fill(kind, "many", 200)
    return {kind: {"empty": empty[kind], "full": site.memory()}
            for kind, site in rig.sites.items()}


def _latency(rig, lots, count, seconds):
    """By case a list of what came at a constant rate."""
    rate = rig.bench.options.rate
    measured = {case.key: [] for case in CASES}
    for number in range(count):
        lots.next(int(rate * seconds) + 1)
        rig.bench.progress(f"peers: latency, round {number + 1} of {count}")
        for case in _order(number):
            _fill(rig, case)
            counted = rig.ask(case.kind, case.work, rate, seconds, case.order,
                              number)
            measured[case.key].append(counted)
    return measured


def measure(bench):
    options = bench.options
    count, length = options.peer_rounds, options.peer_length
    pairs = max(count // 3, 2)
    repeats, seconds = (1, 0.5) if options.quick else (3, 1.5)
    # Where the size changes, up to one lot of the new size is lost.
    tokens = (MANY + UNKNOWN + pairs * _lot(2, length)
              + (count + 1) * _lot(1, length)
              + (repeats + 1) * int(options.rate * seconds + 1))
    rig = PeerRig(bench, tokens if options.quick else max(tokens, 10**6))
    result = {"records": len(rig.lines.recorded()), "rounds": {}, "memory": {},
              "length": length, "rate": options.rate, "seconds": seconds,
              "connections": options.connections, "repeats": repeats}
    new = _Lots(rig)
    for workers, times in ((2, pairs), (1, count)):
        rig.start(workers)
        result["memory"][workers] = _memory(rig)
        result["rounds"][workers] = _rounds(rig, new, workers, times, length)
    result["latency"] = _latency(rig, new, repeats, seconds)
    rig.stop()
    bench.processes.stop(rig.store.process)
    return result
