# SPDX-License-Identifier: BSD-2-Clause
#
# The project's bars, and where the figures stand.

from dataclasses import dataclass
from statistics import median

MAX_INSTRUCTIONS = 2000
MAX_HIT = 1.04
MAX_MISS = 1.8
MAX_MISS_WITH_REDIS = 2.0
MAX_MALFORMED = 1.0
MAX_BYTES = 300


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
    return [Bar("hit: user-space instructions beyond the same request line on "
                "plain nginx, the digest apart", f"{MAX_INSTRUCTIONS:,}",
                f"{extra:,.0f}", extra <= MAX_INSTRUCTIONS)]


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


def all_bars(results):
    """The bars of the parts that were measured."""
    bars = []
    for part, judge in (("instructions", _of_instructions),
                        ("rounds", _of_rounds), ("memory", _of_memory)):
        if part in results:
            bars += judge(results[part])
    return bars
