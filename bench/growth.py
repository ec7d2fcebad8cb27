# SPDX-License-Identifier: BSD-2-Clause
#
# Whether a request costs more when Redis holds more tokens: a Redis and the
# gate for each number of records, all there at once and measured by turns.
#
#   hit     one token, out of the cache
#   miss    the same one token without a cache, on one connection, so that each
#           request is a look-up: the same work but for the number of records
#   spread  without a cache, tokens at random, up to 10,000: what the
#           processor's caches have to do with it

import os

from client import HEADERS
from nginx import FILE, Nginx, make_root
from processes import Failure
from rounds import commands_between, run_wrk
from store import Store
from tokens import CHANNELS, make_tokens

COUNTS, QUICK = (1, 1000, 100000, 1000000), (1, 1000, 50000)
SPREAD = 10000
KINDS = {"hit": "gate", "miss": "strict", "spread": "strict"}


class _Place:
    """A Redis with so many records, the gate with a cache and without."""

    def __init__(self, bench, count, root, cores, tokens):
        self.bench, self.cores = bench, cores
        self.folder = os.path.join(bench.folder, f"of-{count}")
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.store = Store(bench.processes, self.folder, cores[1])
        self.store.add_tokens(tokens, CHANNELS)
        self.store.add_others(count - len(tokens), CHANNELS)
        self.many = self._write("spread", tokens)
        self.one = self._write("one", tokens[:1])
        self.headers = os.path.join(self.folder, "headers.txt")
        with open(self.headers, "w", encoding="ascii") as file:
            file.writelines(f"{n}: {v}\n" for n, v in HEADERS.items())
        self.instances = {kind: Nginx(
            bench.processes, kind, os.path.join(self.folder, kind),
            module=bench.module, redis=self.store.uri, root=root,
            core=cores[0]) for kind in sorted(set(KINDS.values()))}

    def _write(self, name, tokens):
        path = os.path.join(self.folder, name + ".txt")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"/t/{token}/{FILE}\n" for token in tokens)
        return path

    def measure(self, work, length, seed):
        nginx, connections = self.instances[KINDS[work]], None
        lines = self.many if work == "spread" else self.one
        if work == "miss":
            connections = 1
        calls, redis, cpu = self.store.calls(), self.store.cpu(), nginx.cpu()
        counted = run_wrk(self.bench, nginx, nginx.ports["main"], lines,
                          self.headers, "random", seed, length, self.cores[1],
                          connections)
        cpu, redis = nginx.cpu() - cpu, self.store.cpu() - redis
        gets = commands_between(calls, self.store.calls()).get("get", 0)
        requests = counted["requests"]
        if counted["status"] or counted["socket"] or not requests:
            raise Failure(f"growth, {work}: {counted}")
        # One for the token and, without a cache, one for the channel's privacy.
        if work == "miss" and gets < requests:
            raise Failure(f"growth: {gets} GETs for {requests} requests")
        return {"nginx": cpu / requests, "redis": redis / max(gets, 1),
                "all": (cpu + redis) / requests, "gets": gets / requests}

    def stop(self):
        for nginx in self.instances.values():
            nginx.stop()
        self.bench.processes.stop(self.store.process)


def measure(bench):
    """By workload and number of records a list of rounds."""
    options = bench.options
    cores = sorted(os.sched_getaffinity(0))
    cores = cores[0], cores[-1]
    counts = QUICK if options.quick else COUNTS
    root = os.path.join(bench.folder, "root")
    make_root(root, [])
    tokens = make_tokens(SPREAD, seed=6)
    places = {}
    for count in counts:
        bench.progress(f"growth: {count:,} records")
        places[count] = _Place(bench, count, root, cores,
                               tokens[:min(count, SPREAD)])
    # With one token there is nothing to spread: its requests share look-ups.
    cases = [(work, count) for work in KINDS for count in counts
             if work != "spread" or count > 1]
    measured = {work: {count: [] for count in counts} for work in KINDS}
    for number in range(options.peer_rounds):
        bench.progress(f"growth: round {number + 1} of {options.peer_rounds}")
        first = number * 3 % len(cases)
        order = cases[first:] + cases[:first]
        for work, count in order if number % 2 == 0 else order[::-1]:
            measured[work][count].append(places[count].measure(
                work, options.peer_length, number))
    for place in places.values():
        place.stop()
    return {"counts": list(counts), "measured": measured}
