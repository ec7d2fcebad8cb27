# SPDX-License-Identifier: BSD-2-Clause
#
# What is measured: which nginx is asked for which paths, what must come back,
# and what Redis must have to do with it.

from dataclasses import dataclass

from nginx import CONTENT, FILE
from processes import Failure
from tokens import misspell


class Paths:
    """The request lines, from the tokens that have records and one that has
    none."""

    def __init__(self, tokens, unknown):
        self.short = ["/" + FILE]
        self.many = [f"/t/{token}/{FILE}" for token in tokens]
        self.one = self.many[:1]
        self.unknown = [f"/t/{unknown}/{FILE}"]
        self.malformed = [f"/t/{misspell(tokens[0])}/{FILE}"]


@dataclass(frozen=True)
class Variant:
    key: str
    label: str
    instance: str          # of nginx.py
    port: str              # its server
    lines: str             # of Paths
    status: int = 200
    cache: str = ""        # X-Cache of the gate's other server
    reason: str = ""       # X-Reason there
    lookups: int = 0       # GETs of Redis per request
    renewals: int = 0      # GETs beyond, where something runs out meanwhile
    order: str = "random"  # in which the lines are asked for

    def paths(self, paths):
        return getattr(paths, self.lines)


VARIANTS = (
    Variant("short", "plain, short URL", "plain", "main", "short"),
    Variant("same", "plain, same request line", "plain", "main", "one"),
    Variant("same_many", "plain, the same 10,000 request lines", "plain",
            "main", "many"),
    Variant("rewrite", "plain, regex rewrite", "plain", "rewrite", "one"),
    Variant("hit", "gate hit, one token", "gate", "main", "one",
            cache="HIT", reason="granted", renewals=3),
    Variant("hit_many", "gate hit, 10,000 random tokens", "gate", "main",
            "many", cache="HIT", reason="granted", renewals=3),
    Variant("miss", "gate miss", "miss", "main", "many",
            cache="MISS", reason="granted", lookups=1, renewals=3,
            order="cycle"),
    Variant("denied", "denied, unknown token", "gate", "main", "unknown",
            status=401, cache="NEGATIVE", reason="token_unknown", renewals=3),
    Variant("malformed", "malformed token", "gate", "main", "malformed",
            status=401, reason="token_malformed"),
    Variant("absent", "plain, 404 of the malformed line", "plain", "main",
            "malformed", status=404),
    Variant("absent_logged", "the same, with its line in the error log",
            "plain", "logging", "malformed", status=404),
)
# Of which only the instructions are counted here (peers.py measures the rest).
LUA_VARIANTS = (
    Variant("lua_cache", "Lua hit, leanest, one token", "lua_cache", "main",
            "one"),
    Variant("lua_alike", "Lua hit, with what else the gate does", "lua_alike",
            "main", "one"),
    Variant("lua", "Lua that asks Redis, one token", "lua", "main", "one"),
)
BY_KEY = {variant.key: variant for variant in VARIANTS + LUA_VARIANTS}


def check_answer(variant, answer):
    """That an answer is the one that is to be measured."""
    status, headers, body = answer
    if status != variant.status:
        raise Failure(f"{variant.label}: status {status}, not {variant.status}")
    if status == 200 and body != CONTENT:
        raise Failure(f"{variant.label}: not the file's content")
    json = headers.get("content-type") == "application/problem+json"
    if json != (status == 401):
        raise Failure(f"{variant.label}: not the gate's own answer")


def check_probe(variant, answer):
    """The same for the gate's other server, which tells cache and reason."""
    check_answer(variant, answer)
    headers = answer[1]
    told = headers.get("x-cache", ""), headers.get("x-reason", "")
    if told != (variant.cache, variant.reason):
        raise Failure(f"{variant.label}: cache and reason are {told}, not "
                      f"{(variant.cache, variant.reason)}")
