# SPDX-License-Identifier: BSD-2-Clause
#
# The project's bars, and where the figures stand.

from dataclasses import dataclass
from math import ceil
from statistics import median

MAX_INSTRUCTIONS = 2000
MAX_HIT = 1.04
MAX_MISS = 1.8
MAX_MISS_WITH_REDIS = 2.0
MAX_MALFORMED = 1.0
MAX_BYTES = 300
MAX_OF_LUA = 0.5         # a hit's instructions beside the leanest Lua's
MAX_COLD = 0.55          # nginx and Redis together, beside Lua without a cache
MAX_REVOCATION = 10.0    # ms
MAX_GROWTH = 1.05        # with the most records in Redis beside one


@dataclass(frozen=True)
class Bar:
    text: str
    limit: str
    value: str
    met: bool


def gate_instructions(counts):
    """Instructions of a hit beyond the same request line, digest apart."""
    hit, same = counts["hit"], counts["same"]
    return hit["total"] - same["total"] - hit["digest"]


def lua_instructions(counts, key):
    """The same of a Lua gate, whose compiled code has no names: there the
    digest is what libcrypto's own code spends."""
    one, same = counts[key], counts["same"]
    return one["total"] - same["total"] - one["crypto"]


def ratios(rounds, key, reference, redis=False):
    """CPU time per request beside that of another variant, round by round."""
    measured = rounds["variants"]
    return [(one["cpu"] + (one["redis"] if redis else 0)) / other["cpu"]
            for one, other in zip(measured[key], measured[reference])]


def _ratio_bar(rounds, text, key, reference, limit, redis=False):
    value = median(ratios(rounds, key, reference, redis))
    return Bar(text, f"{limit:.2f}", f"{value:.3f}", value <= limit)


def _of_instructions(counts):
    extra = gate_instructions(counts)
    of_lua = extra / lua_instructions(counts, "lua_cache")
    return [
        Bar("hit: user-space instructions beyond the same request line on plain "
            "nginx, the digest apart", f"{MAX_INSTRUCTIONS:,}", f"{extra:,.0f}",
            extra <= MAX_INSTRUCTIONS),
        Bar("hit: these instructions beside the leanest Lua gate's",
            f"{MAX_OF_LUA:.2f}", f"{of_lua:.3f}", of_lua <= MAX_OF_LUA),
    ]


def _of_rounds(rounds):
    bars = [_ratio_bar(rounds, "hit, one token: CPU beside the same request "
                       "line", "hit", "same", MAX_HIT)]
    # Many lines cost plain nginx more than one does. "The same" are the many;
    # beside one the bar is harder.
    for reference, words in (("same_many", "the same 10,000 request lines"),
                             ("same", "one request line")):
        bars += [
            _ratio_bar(rounds, f"hit, 10,000 tokens: CPU beside {words}",
                       "hit_many", reference, MAX_HIT),
            _ratio_bar(rounds, f"miss: CPU of the worker beside {words}",
                       "miss", reference, MAX_MISS),
            _ratio_bar(rounds, f"miss: CPU of worker and Redis beside {words}",
                       "miss", reference, MAX_MISS_WITH_REDIS, True),
        ]
    asked = sum(rounds["commands"]["malformed"].values())
    return bars + [
        _ratio_bar(rounds, "malformed: CPU beside plain nginx's 404 of the "
                   "same line", "malformed", "absent", MAX_MALFORMED),
        Bar("malformed: Redis commands in the whole run", "0", f"{asked:,}",
            asked == 0),
    ]


def _of_memory(memory):
    return [Bar("resident bytes per cached token of 4 channels",
                f"{MAX_BYTES}", f"{memory['slope']:.0f}",
                memory["slope"] <= MAX_BYTES)]


def peer_ratios(peers, workers, case, reference, what="all"):
    """CPU time per request beside that of another gate, round by round."""
    measured = peers["rounds"][workers]
    return [one[what] / other[what]
            for one, other in zip(measured[case], measured[reference])]


def _of_peers(peers):
    bars = []
    for workers in sorted(peers["rounds"]):
        value = median(peer_ratios(peers, workers, "gate:cold", "lua:cold"))
        words = "one worker" if workers == 1 else f"{workers} workers"
        bars.append(Bar(
            "every token new: CPU of nginx and Redis beside Lua without a "
            f"cache, {words}", f"{MAX_COLD:.2f}", f"{value:.3f}",
            value <= MAX_COLD))
    return bars


def percentile(values, part):
    """The smallest value that this part of all does not exceed."""
    return sorted(values)[max(ceil(part * len(values)) - 1, 0)]


def _of_revocation(revocation):
    gate = revocation["prompt"]["gate"]
    value = percentile(gate["come"], 0.99) / 1000
    wrong = gate["late"] + gate["returned"]
    text = f"{value:.2f} ms" + (f", {wrong} wrong" if wrong else "")
    return [Bar(f"revocation: p99 until no one of {revocation['workers']} "
                "workers lets the token in, under load",
                f"{MAX_REVOCATION:.0f} ms", text,
                value <= MAX_REVOCATION and not wrong)]


def growth_ratios(growth, work, count):
    """CPU time of nginx and Redis with so many records beside one."""
    measured = growth["measured"][work]
    return [one["all"] / other["all"]
            for one, other in zip(measured[count], measured[1])]


def _of_growth(growth):
    most = growth["counts"][-1]
    bars = []
    for work, words in (("hit", "hit"), ("miss", "look-up")):
        value = median(growth_ratios(growth, work, most))
        bars.append(Bar(
            f"growth: CPU of nginx and Redis for a {words} with {most:,} "
            "records beside 1", f"{MAX_GROWTH:.2f}", f"{value:.3f}",
            value <= MAX_GROWTH))
    return bars


def all_bars(results):
    """The bars of the parts that were measured."""
    bars = []
    for part, judge in (("instructions", _of_instructions),
                        ("rounds", _of_rounds), ("memory", _of_memory),
                        ("peers", _of_peers), ("revocation", _of_revocation),
                        ("growth", _of_growth)):
        if part in results:
            bars += judge(results[part])
    return bars
