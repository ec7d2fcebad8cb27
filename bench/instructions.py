# SPDX-License-Identifier: BSD-2-Clause
#
# User-space instructions per request, counted by valgrind: the difference
# between two runs of the same nginx, one with FEW and one with MANY equal
# requests, so that start, end, and the one look-up in Redis cancel out. nginx
# is a single process, and each request comes after the answer to the last.
#
# The digest is told apart, because valgrind hides the CPU's SHA instructions
# from OpenSSL: there it costs many times what it does natively.
#
# Valgrind runs what LuaJIT compiles as it runs any other code, and counts it.
# But that is compiled only after a while, so that Lua is asked more often before
# the counting begins. (With the compiler off a hit takes twice as many.)

import os
from collections import Counter

from callgrind import Profile
from client import Client
from nginx import Nginx, make_root
from processes import Failure
from store import Store
from tokens import CHANNELS, make_tokens
from variants import BY_KEY, Paths, check_answer, check_probe

FEW, MANY = 200, 2200
LUA_FEW, LUA_MANY = 4000, 6000
COUNTED = ("short", "same", "rewrite", "hit", "miss", "denied", "malformed",
           "absent", "lua_cache", "lua_alike", "lua")
# Of these a profile can be printed, less what stands behind it.
PROFILED = {"hit": "same", "miss": "same", "denied": "absent", "malformed": "absent"}
DIGEST, CRYPTO = "psm::Hasher::digest(", "libcrypto."


def _profile(bench, variant, store, root, paths, count):
    """Runs one nginx under callgrind for `count` requests."""
    folder = os.path.join(bench.folder, f"callgrind-{variant.key}-{count}")
    out = folder + ".out"
    nginx = Nginx(
        bench.processes, variant.instance, folder, module=bench.module,
        redis=store.uri, root=root, single=True,
        prefix=["valgrind", "--tool=callgrind", "--quiet",
                f"--callgrind-out-file={out}"])
    with Client(nginx.ports[variant.port]) as client:
        lines = variant.paths(paths)
        check_answer(variant, client.get(lines[0]))
        if variant.order == "cycle":  # each line after the answer to the last
            client.get_all([lines[(n + 1) % len(lines)]
                            for n in range(count - 1)], variant.status, 1)
        else:
            client.repeat(lines[0], count - 1, variant.status)
    if variant.reason:
        with Client(nginx.ports["probe"]) as client:
            check_probe(variant, client.get(variant.paths(paths)[0]))
    code = nginx.stop()
    if code != 0 or not os.path.exists(out):
        raise Failure(f"valgrind ended with {code}: {nginx.said()}")
    return Profile(out)


def _counts(key):
    return (LUA_FEW, LUA_MANY) if key.startswith("lua") else (FEW, MANY)


def _difference(few, many, requests):
    """Instructions per request: in all, below the digest, in libcrypto, by
    function."""
    own = Counter(many.own)
    own.subtract(few.own)
    return {
        "total": (many.total - few.total) / requests,
        "digest": (many.called_by(DIGEST) - few.called_by(DIGEST)) / requests,
        "crypto": (many.spent_in(CRYPTO) - few.spent_in(CRYPTO)) / requests,
        "own": {name: cost / requests for name, cost in own.items() if cost},
    }


def measure(bench):
    """Instructions per request by variant."""
    root = os.path.join(bench.folder, "callgrind-root")
    tokens = make_tokens(3, seed=1)
    make_root(root, tokens[:1])
    store = Store(bench.processes, bench.folder)
    store.add_tokens(tokens[:2], CHANNELS)
    paths = Paths(tokens[:2], unknown=tokens[2])

    result = {}
    for key in COUNTED:
        profiles = []
        few, many = _counts(key)
        for count in (few, many):
            bench.progress(f"callgrind: {BY_KEY[key].label}, {count} requests")
            profiles.append(_profile(bench, BY_KEY[key], store, root, paths,
                                     count))
        result[key] = _difference(*profiles, many - few)
    bench.processes.stop(store.process)

    if result["hit"]["digest"] <= 0:
        raise Failure(f"no call of {DIGEST}) in the profile: the module needs "
                      "its symbols")
    return result


def _short(name):
    """A function's name without its arguments."""
    return name.replace("(anonymous namespace)::", "").split("(")[0] or name


def print_profile(result, key, lines=40):
    """Where the gate's instructions are: a variant less its plain twin."""
    twin = PROFILED[key]
    difference = Counter(result[key]["own"])
    difference.subtract(result[twin]["own"])
    first = difference.most_common(lines)
    rest = sum(difference.values()) - sum(cost for _, cost in first)
    print(f"instructions per request: {BY_KEY[key].label}, less "
          f"{BY_KEY[twin].label}\n")
    for (where, name), cost in first:
        print(f"{cost:9.1f}  {os.path.basename(where):28.28}  {_short(name)}")
    print(f"{rest:9.1f}  all others together", flush=True)
