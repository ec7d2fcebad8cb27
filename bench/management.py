# SPDX-License-Identifier: BSD-2-Clause
#
# What psm-token and the API cost in a small store and in a large one: a Redis
# for each, both there at once and measured by turns. Each was filled by
# `psm-token import`, and is looked at by `psm-token doctor` at the end. An owner
# has ten tokens in either, so that nothing but the stores' size differs.

import hashlib
import json
import os
import re
import subprocess
import time

from client import Client
from nginx import Nginx
from processes import Failure, own_program
from store import Store
from tokens import CHANNELS

SMALL, QUICK = 1000, 20000
OF_ONE_OWNER = 10
ASKED = 20          # of the API, one after the other
LIMIT = 7200        # seconds for one run of a program

# What a round does, in this order: name, words. ID is a token of the store,
# NEW the one that this round's `create` has made.
COMMANDS = (
    ("list --limit 5", "list --limit 5"),
    ("list --limit 500 --sort -created", "list --limit 500 --sort -created"),
    ("list --limit 500 --expiring 365d --sort -expires",
     "list --limit 500 --expiring 365d --sort -expires"),
    ("list --owner X", "list --owner OWNER"),
    ("show ID", "show ID"),
    ("create", "--json create --name bench --owner OWNER --resource main:read "
     "--resource conda-forge:read"),
    ("edit ID", "edit NEW --name other --resource main:write"),
    ("reissue ID", "reissue NEW"),
    ("delete ID", "delete NEW"),
)

# What reads every token on the way. `import` comes before, `doctor` behind.
WHOLE = ("list --limit 500 --sort -expires", "list --unused 90d --csv", "export")

# Of the API, by an administrator.
ROUTES = (
    ("GET /account/tokens?limit=50&owner=*", "tokens?limit=50&owner=*"),
    ("GET /account/tokens?limit=50&owner=X", "tokens?limit=50&owner=OWNER"),
    ("GET /account/tokens/ID", "tokens/ID"),
)


def token_id(number):
    digits = hashlib.md5(b"%d" % number).hexdigest()
    return (f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-"
            f"{digits[20:]}")


def owner_of(number):
    return f"user{number // OF_ONE_OWNER:06}"


def _time_text(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def write_lines(path, count):
    """Tokens that nobody has the text of, as `psm-token import` reads them:
    made over the last year, to expire within the next."""
    now, year = int(time.time()), 365 * 86400
    grants = json.dumps([{"channel": channel, "permission": "read"}
                         for channel in CHANNELS])
    with open(path, "w", encoding="ascii") as file:
        for n in range(count):
            digest = hashlib.sha256(b"nobody's %d" % n).hexdigest()
            owner = owner_of(n)
            file.write(
                f'{{"id":"{token_id(n)}","digest":"{digest}","name":"ci-{n:07}"'
                f',"owner":"{owner}","created_by":"{owner}",'
                f'"resources":{grants},'
                f'"created_at":"{_time_text(now - n * 7919 % year - 1)}",'
                f'"expires_at":"{_time_text(now + n * 104729 % year + 3600)}"'
                "}\n")


class Place:
    """A Redis with so many tokens, and the API before it."""

    def __init__(self, bench, count, cores):
        self.bench, self.count, self.core = bench, count, cores[0]
        self.program = os.path.join(os.path.dirname(bench.module), "psm-token")
        if not os.path.exists(self.program):
            raise Failure(f"{self.program} is not there (try: make build)")
        self.folder = os.path.join(bench.folder, f"of-{count}")
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.output = os.path.join(self.folder, "output")
        self.store = Store(bench.processes, self.folder, cores[1])
        before = self.store.memory()
        self.filled = self._fill()
        self.memory = (self.store.memory() - before) / count
        self.nginx = Nginx(bench.processes, "api",
                           os.path.join(self.folder, "api"),
                           module=bench.module, redis=self.store.uri, root="",
                           core=cores[0])
        self.run("user set root --admin".split())
        self.run("--json create --name root --owner root --scope "
                 "user.token:view --scope user.token:edit".split())
        self.root = self.said()["token"]

    def _fill(self):
        """What the import took."""
        lines = os.path.join(self.folder, "tokens.jsonl")
        write_lines(lines, self.count)
        self.bench.progress(f"management: import of {self.count:,} tokens")
        taken = self.run(["import", lines])
        os.unlink(lines)
        return taken

    def look(self):
        """psm-token finds nothing wrong with the store, and all of it: what
        that took."""
        self.bench.progress(f"management: doctor of {self.count:,} tokens")
        taken = self.run(["--json", "doctor"])
        says = {row["check"]: row["says"] for row in self.said()["items"]}
        found = re.match(r"(\d+) tokens", says["what is there"])
        if not found or int(found.group(1)) < self.count:
            raise Failure(f"doctor: {says['what is there']}")
        return taken

    def said(self):
        with open(self.output, encoding="utf-8") as file:
            return json.load(file)

    def run(self, words):
        """One run of psm-token: what it cost, and Redis meanwhile."""
        redis = self.store.cpu()
        got = subprocess.run(
            [own_program("cost"), self.output, self.program, "--redis",
             self.store.uri, *words], stdout=subprocess.PIPE, check=True,
            timeout=LIMIT,
            preexec_fn=lambda: os.sched_setaffinity(0, {self.core}))
        cost = json.loads(got.stdout)
        if cost["code"]:
            with open(self.output, encoding="utf-8", errors="replace") as file:
                raise Failure(f"psm-token {' '.join(words)}: "
                              f"{file.read()[-500:].strip()}")
        return cost | {"redis": self.store.cpu() - redis}

    def ask(self, path):
        """Requests to the API, one after the other: the cost of each."""
        line = f"/t/{self.root}/api/account/{path}"
        with Client(self.nginx.ports["main"]) as client:
            client.repeat(line, 1, 200)
            redis, cpu = self.store.cpu(), self.nginx.cpu()
            begin = time.monotonic()
            client.repeat(line, ASKED, 200)
            wall = time.monotonic() - begin
        return {"wall": wall / ASKED,
                "cpu": (self.nginx.cpu() - cpu) / ASKED,
                "redis": (self.store.cpu() - redis) / ASKED,
                "peak": self.nginx.resident()}

    def stop(self):
        self.nginx.stop()
        self.bench.processes.stop(self.store.process)


def _words(text, number, made):
    places = {"ID": token_id(number), "OWNER": owner_of(number), "NEW": made}
    return [places.get(word, word) for word in text.split()]


def _by_turns(places, number):
    return places if number % 2 == 0 else places[::-1]


def _round(places, number, measured):
    made = {}
    chosen = {place: (number * 7919 + 13) % place.count for place in places}
    for name, text in COMMANDS:
        for place in _by_turns(places, number):
            cost = place.run(_words(text, chosen[place], made.get(place)))
            measured[name][place.count].append(cost)
            if name == "create":
                made[place] = place.said()["id"]
    for name, path in ROUTES:
        for place in _by_turns(places, number):
            n = chosen[place]
            measured[name][place.count].append(place.ask(
                path.replace("OWNER", owner_of(n)).replace("ID", token_id(n))))


def measure(bench):
    """By command or route and number of tokens a list of what each cost."""
    options = bench.options
    cores = sorted(os.sched_getaffinity(0))
    counts = (SMALL, QUICK if options.quick else options.large)
    places = [Place(bench, count, (cores[0], cores[-1])) for count in counts]
    names = [row[0] for row in COMMANDS + ROUTES] + list(WHOLE)
    measured = {name: {count: [] for count in counts} for name in names}
    load = []
    for number in range(options.peer_rounds):
        bench.progress(f"management: round {number + 1} of "
                       f"{options.peer_rounds}")
        _round(places, number, measured)
        load.append(os.getloadavg()[0])
    for name in WHOLE:
        bench.progress(f"management: {name}")
        for place in places:
            measured[name][place.count].append(place.run(name.split()))
    measured["import"] = {place.count: [place.filled] for place in places}
    measured["doctor"] = {place.count: [place.look()] for place in places}
    for place in places:
        place.stop()
    return {"counts": list(counts), "measured": measured,
            "rounds": options.peer_rounds, "load": max(load),
            "memory": {place.count: place.memory for place in places},
            "commands": [row[0] for row in COMMANDS],
            "routes": [row[0] for row in ROUTES],
            "whole": ["import", *WHOLE, "doctor"]}
