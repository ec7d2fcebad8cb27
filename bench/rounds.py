# SPDX-License-Identifier: BSD-2-Clause
#
# CPU time per request, in short rounds of all variants, so that what the
# machine does meanwhile meets all of them alike: what counts are the ratios of
# one round. The order is rotated from round to round and turned round in every
# second, so that none always comes after the same one. A process that by
# chance lies well or badly in memory stays for a few rounds only.
#
# What is counted is exact: the worker's whole CPU time from before wrk's first
# request until after its last, and wrk's own count of answers.

import json
import os
import signal
import subprocess

from client import HEADERS, Client
from nginx import Nginx, make_root
from processes import Failure, wait_for
from store import Store
from tokens import CHANNELS, make_tokens
from variants import BY_KEY, VARIANTS, Paths, check_answer, check_probe

TOKENS = 10000
WRK_LIMIT = 60  # seconds, had it not been told to end


class Rig:
    """Redis, the three nginx instances, and the files wrk reads."""

    def __init__(self, bench):
        self.bench = bench
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.client_core = cores[0], cores[-1]
        if self.server_core == self.client_core:
            raise Failure("two cores are needed")
        self.root = os.path.join(bench.folder, "root")
        tokens = make_tokens(TOKENS + 1, seed=3)
        self.paths = Paths(tokens[:TOKENS], unknown=tokens[TOKENS])
        bench.progress("rounds: files and records")
        make_root(self.root, tokens[:TOKENS])
        self.store = Store(bench.processes, bench.folder, self.client_core)
        self.store.add_tokens(tokens[:TOKENS], CHANNELS)
        self._write("headers", [f"{n}: {v}" for n, v in HEADERS.items()])
        for variant in VARIANTS:
            self._write(variant.lines, variant.paths(self.paths))
        self.instances = {}
        self._starts = 0

    def _file(self, name):
        return os.path.join(self.bench.folder, name + ".txt")

    def _write(self, name, lines):
        with open(self._file(name), "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines)

    def restart(self):
        """New nginx processes, with the caches filled and looked at."""
        self.stop()
        self._starts += 1
        for kind in ("plain", "gate", "miss"):
            self.instances[kind] = Nginx(
                self.bench.processes, kind,
                os.path.join(self.bench.folder, f"{kind}-{self._starts}"),
                module=self.bench.module, redis=self.store.uri, root=self.root,
                core=self.server_core)
        for variant in VARIANTS:
            self._fill(variant)
        for variant in VARIANTS:
            self.check(variant)

    def stop(self):
        while self.instances:
            self.instances.popitem()[1].stop()

    def _fill(self, variant):
        ports = self.instances[variant.instance].ports
        with Client(ports[variant.port]) as client:
            client.get_all(variant.paths(self.paths), variant.status)

    def check(self, variant):
        """Whether what is about to be measured is what it is said to be."""
        ports = self.instances[variant.instance].ports
        paths = variant.paths(self.paths)
        some = paths[::max(len(paths) // 20, 1)]
        with Client(ports[variant.port]) as client:
            for path in some:
                check_answer(variant, client.get(path))
        if "probe" in ports:
            with Client(ports["probe"]) as client:
                for path in some:
                    check_probe(variant, client.get(path))

    def load(self, variant, length, seed):
        """Lets wrk ask for about `length` seconds; gives what it counted."""
        nginx = self.instances[variant.instance]
        return run_wrk(self.bench, nginx, nginx.ports[variant.port],
                       self._file(variant.lines), self._file("headers"),
                       variant.order, seed, length, self.client_core)


def run_wrk(bench, nginx, port, lines, headers, order, seed, length, core,
            connections=None):
    """Lets wrk ask for the lines of a file for about `length` seconds."""
    begin = nginx.cpu()
    connections = connections or bench.options.connections
    wrk = bench.processes.start(
        ["wrk", "-t1", f"-c{connections}", f"-d{WRK_LIMIT}s",
         "-s", os.path.join(os.path.dirname(__file__), "requests.lua"),
         f"http://127.0.0.1:{port}/", "--", lines, headers, order, str(seed)],
        os.path.join(bench.folder, "wrk.log"), core, subprocess.PIPE)
    # It reads its file first; then the worker has something to do.
    wait_for(lambda: nginx.cpu() > begin + 0.005 or wrk.poll() is not None, 30,
             f"wrk asks nginx ({nginx.folder}) for nothing")
    try:
        wrk.wait(length)
    except subprocess.TimeoutExpired:
        wrk.send_signal(signal.SIGINT)
    said = wrk.communicate(timeout=30)[0].decode()
    code = bench.processes.stop(wrk)
    if code != 0 or "\n{" not in said:
        raise Failure(f"wrk ended with {code}: {said}")
    return json.loads(said[said.rindex("\n{"):])


def commands_between(before, after):
    """What was asked of Redis between two counts."""
    return {name: count - before.get(name, 0) for name, count in after.items()
            if count != before.get(name, 0)}


def _check_count(variant, counted, commands, connections):
    """That wrk counted the answers that were wanted and no others, and that
    Redis was asked as often as the variant says; wrk does not count what was
    on its way at the end, at most one request on each connection."""
    requests = counted["requests"]
    bad = requests if variant.status != 200 else 0
    if counted["socket"] or counted["status"] != bad:
        raise Failure(f"{variant.label}: {counted}")
    wanted = requests * variant.lookups
    asked = commands.get("get", 0)
    if abs(asked - wanted) > connections * variant.lookups + variant.renewals:
        raise Failure(f"{variant.label}: {requests} requests, {commands} sent "
                      "to redis")


def _measure_one(rig, variant, length, seed):
    nginx, store = rig.instances[variant.instance], rig.store
    calls, redis, cpu = store.calls(), store.cpu(), nginx.cpu()
    counted = rig.load(variant, length, seed)
    cpu, redis = nginx.cpu() - cpu, store.cpu() - redis
    commands = commands_between(calls, store.calls())
    _check_count(variant, counted, commands, rig.bench.options.connections)
    requests = counted["requests"]
    return {
        "requests": requests, "cpu": cpu / requests, "redis": redis / requests,
        "rate": requests / counted["seconds"],
        "busy": cpu / counted["seconds"],
    }, commands


def _order(number):
    """The variants of a round: rotated, and turned round in every second."""
    keys = [variant.key for variant in VARIANTS]
    first = number % len(keys)
    keys = keys[first:] + keys[:first]
    return keys if number % 2 == 0 else keys[::-1]


class _Total:
    """CPU time of all workers by both of the kernel's counts."""

    def __init__(self):
        self.cpu = self.ticks = 0.0

    def add(self, rig):
        for nginx in rig.instances.values():
            self.cpu += nginx.cpu()
            self.ticks += nginx.ticks()


def measure(bench):
    """By variant a list of rounds, and the commands that Redis got."""
    options = bench.options
    rig, total = Rig(bench), _Total()
    measured = {variant.key: [] for variant in VARIANTS}
    commands = {variant.key: {} for variant in VARIANTS}
    for number in range(options.rounds):
        if number % options.fresh == 0:
            total.add(rig)
            rig.restart()
        bench.progress(f"round {number + 1} of {options.rounds}")
        for key in _order(number):
            one, asked = _measure_one(rig, BY_KEY[key], options.length, number)
            measured[key].append(one)
            for name, count in asked.items():
                commands[key][name] = commands[key].get(name, 0) + count
    total.add(rig)
    rig.stop()
    bench.processes.stop(rig.store.process)
    return {"variants": measured, "commands": commands, "cpu": total.cpu,
            "ticks": total.ticks, "rounds": options.rounds,
            "length": options.length, "fresh": options.fresh,
            "connections": options.connections}
