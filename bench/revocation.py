# SPDX-License-Identifier: BSD-2-Clause
#
# How long a revoked token is still let in, with two workers, under load: from
# Redis's acknowledgement of the change (by turns a DEL, and the record of a
# deleted token) to the last request that any worker let in. Who hears of it, or
# asks each time, is asked again and again by revoke.cpp, one token after
# another. Who waits for a time to be over has many tokens revoked at once, just
# after it had asked for them: the worst case, and the rule for a token in use.

import json
import os
import subprocess
import time

from client import Client
from nginx import FILE
from peer_rig import PeerRig
from peer_variants import MANY, UNKNOWN
from processes import Failure
from tokens import make_key, make_tombstone

WORKERS = 2
PROMPT = ("gate", "lua", "auth")
TIMED = ("lua_cache", "auth_cache")
AT_ONCE, TIMED_LIMIT = 200, 80  # tokens; seconds


def _path(token):
    return f"/t/{token}/{FILE}"


def _prompt(rig, kind, tokens):
    """What revoke.cpp tells, and how busy nginx was meanwhile."""
    site = rig.sites[kind]
    for _ in range(4):
        rig.fill(kind, "many", 200)
    rig.write(f"victims-{kind}", [f"{_path(token)} {make_key(token)}"
                                  for token in tokens])
    load = rig.start_load(kind, "many", rig.bench.options.rate)
    time.sleep(0.5)
    begin, cpu = time.monotonic(), site.nginx.cpu()
    said = subprocess.run(
        [rig.program("revoke"), str(site.ports["probe"]), str(WORKERS),
         rig.store.path, rig.file(f"victims-{kind}"), make_tombstone(),
         rig.file("headers")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=300, check=False)
    busy = (site.nginx.cpu() - cpu) / (time.monotonic() - begin)
    if load.poll() is not None:
        raise Failure(f"{kind}: the load ended by itself")
    rig.bench.processes.stop(load)
    if said.returncode != 0:
        raise Failure(f"{kind}: {said.stderr.decode().strip()}")
    return {**json.loads(said.stdout), "busy": busy}


class _Worker:
    """A connection to one worker, and when it last let each token in."""

    def __init__(self, client, tokens):
        self.client, self.left = client, list(tokens)
        self.last = dict.fromkeys(tokens, 0.0)

    def ask(self):
        """Asks for all that it still lets in."""
        left = []
        for token in self.left:
            status = self.client.get(_path(token))[0]
            if status == 200:
                self.last[token] = time.monotonic()
                left.append(token)
            elif status != 401:
                raise Failure(f"status {status} after a revocation")
        self.left = left


def _connect(site, tokens):
    """One connection to each worker."""
    found = {}
    for _ in range(100):
        client = Client(site.ports["probe"])
        worker = client.get(_path(tokens[0]))[1]["x-worker"]
        if worker in found:
            client.__exit__()
        else:
            found[worker] = _Worker(client, tokens)
        if len(found) == WORKERS:
            return list(found.values())
    raise Failure("not every worker was reached")


def _timed(rig, victims):
    """By kind: seconds until the last that was let in, of each token."""
    workers = {kind: _connect(rig.sites[kind], tokens)
               for kind, tokens in victims.items()}
    loads = [rig.start_load(kind, "many", rig.bench.options.rate // 4)
             for kind in victims]
    for ones in workers.values():
        for one in ones:
            one.ask()
    rig.store.commands([("DEL", make_key(token))
                        for tokens in victims.values() for token in tokens])
    revoked = time.monotonic()
    while time.monotonic() < revoked + TIMED_LIMIT:
        waiting = [one for ones in workers.values() for one in ones if one.left]
        if not waiting:
            break
        for one in waiting:
            one.ask()
        rig.bench.progress("revocation: those that wait for a time to be over, "
                           f"{time.monotonic() - revoked:.0f} s")
        time.sleep(0.1)
    for load in loads:
        rig.bench.processes.stop(load)
    result = {}
    for kind, ones in workers.items():
        result[kind] = {"seconds": [
            max(0.0, *(one.last[token] - revoked for one in ones))
            for token in victims[kind]],
            "late": sum(len(one.left) for one in ones)}
        for one in ones:
            one.client.__exit__()
    return result


def measure(bench):
    options = bench.options
    count = options.revocations
    timed = () if options.quick else TIMED
    rig = PeerRig(bench, MANY + UNKNOWN + count * len(PROMPT)
                  + max(AT_ONCE, count) * (len(TIMED) + len(PROMPT)))
    rig.start(WORKERS, PROMPT + timed)
    result = {"prompt": {}, "timed": {}, "rate": options.rate,
              "workers": WORKERS, "at_once": AT_ONCE}
    for number, kind in enumerate(PROMPT):
        bench.progress(f"revocation: {kind}, {count} tokens")
        result["prompt"][kind] = _prompt(
            rig, kind, rig.lines.new_tokens(number, count))
    if timed:
        for kind in timed:
            rig.fill(kind, "many", 200)
        size = max(AT_ONCE, count)
        first = -(-count * len(PROMPT) // size)
        result["timed"] = _timed(rig, {
            kind: rig.lines.new_tokens(first + number, size)[:AT_ONCE]
            for number, kind in enumerate(timed)})
    rig.stop()
    bench.processes.stop(rig.store.process)
    return result
