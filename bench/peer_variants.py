# SPDX-License-Identifier: BSD-2-Clause
#
# What the gate and its peers are asked for: each kind of gate, each workload.

from dataclasses import dataclass

from nginx import FILE
from processes import Failure

MANY, UNKNOWN = 10000, 1000
RENEWALS = 4

LABELS = {
    "plain": "plain nginx",
    "gate": "gate",
    "auth": "auth_request",
    "auth_cache": "auth_request, proxy_cache",
    "lua": "Lua",
    "lua_cache": "Lua, leanest",
}
GATES = tuple(kind for kind in LABELS if kind != "plain")
REMEMBER = ("gate", "auth_cache", "lua_cache")
WORKLOADS = {
    "hot": "one token",
    "many": "10,000 random tokens",
    "cold": "every token new",
    "unknown": "1,000 unknown tokens",
}


@dataclass(frozen=True)
class Case:
    """One gate under one workload."""
    kind: str
    work: str

    @property
    def key(self):
        return f"{self.kind}:{self.work}"

    @property
    def label(self):
        return f"{LABELS[self.kind]}, {WORKLOADS[self.work]}"

    @property
    def status(self):
        return 401 if self.work == "unknown" else 200

    @property
    def order(self):
        return "cycle" if self.work == "cold" else "random"

    @property
    def remembered(self):
        """Whether all that is asked for may be known beforehand."""
        return self.kind in REMEMBER and self.work != "cold"

    def check(self, counted, gets, connections):
        """That the answers were the right ones, and that Redis was asked as
        often as this gate must; at most one request on each connection was
        under way at the end, and at the last one's end. What is remembered may run out meanwhile, or be
        new to another worker: never more than was asked."""
        requests = counted["requests"]
        bad = requests if self.status != 200 else 0
        if counted["socket"] or counted["status"] != bad or not requests:
            raise Failure(f"{self.label}: {counted}")
        least = 0 if self.remembered or self.kind == "plain" else requests
        # The gate also asks, now and then, for the channel's privacy.
        most = 0 if self.kind == "plain" else (
            requests + 2 * connections + RENEWALS)
        if not least - connections <= gets <= most:
            raise Failure(f"{self.label}: {requests} requests, {gets} GETs")


CASES = tuple(Case(kind, work) for work in WORKLOADS for kind in LABELS
              if kind != "plain" or work in ("hot", "many"))


class Lines:
    """The request lines of the workloads, from a list of tokens: the first for
    what is asked for again, then those without a record, then new ones, of
    which each may be used once by each gate."""

    def __init__(self, tokens):
        self._tokens = tokens

    @staticmethod
    def _paths(tokens):
        return [f"/t/{token}/{FILE}" for token in tokens]

    def of(self, work):
        first = {"hot": (0, 1), "many": (0, MANY),
                 "unknown": (MANY, MANY + UNKNOWN)}[work]
        return self._paths(self._tokens[slice(*first)])

    def new_tokens(self, number, count):
        """The number-th lot of new ones."""
        first = MANY + UNKNOWN + number * count
        if first + count > len(self._tokens):
            raise Failure("no new tokens are left")
        return self._tokens[first:first + count]

    def new(self, number, count):
        return self._paths(self.new_tokens(number, count))

    def recorded(self):
        """The tokens that have records."""
        return self._tokens[:MANY] + self._tokens[MANY + UNKNOWN:]
