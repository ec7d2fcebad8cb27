# SPDX-License-Identifier: BSD-2-Clause
#
# What psm-token and the API cost, as Markdown.

from statistics import median
from textwrap import fill

from text import spread, table

HEADING = "## psm-token and the API in a large store"


def _pair(ones, counts, what, unit, form):
    return " / ".join(
        format(median(one[what] for one in ones[count]) * unit, form)
        for count in counts)


def _row(name, ones, counts, unit, form):
    few, many = (ones[count] for count in counts)
    ratios = [(b["cpu"] + b["redis"]) / (a["cpu"] + a["redis"])
              for a, b in zip(few, many)]
    return (f"`{name}`", _pair(ones, counts, "cpu", unit, form),
            _pair(ones, counts, "redis", unit, form),
            spread(ratios, ".2f") if unit > 1 else f"{median(ratios):,.0f}",
            _pair(ones, counts, "wall", unit, form),
            _pair(ones, counts, "peak", 2 ** -20, ".1f"))


def _rows(names, result, unit, form):
    return [_row(name, result["measured"][name], result["counts"], unit, form)
            for name in names]


def _head(first, program, unit):
    return (first, f"CPU of {program}, {unit}", f"of Redis, {unit}",
            "both, ratio", f"by the clock, {unit}", "memory, MiB")


def write_management(result):
    few, many = result["counts"]
    memory = " and ".join(f"{result['memory'][count]:,.0f}"
                          for count in result["counts"])
    text = fill(
        f"Two stores, of {few:,} and of {many:,} tokens, each with four grants "
        "and ten to an owner, filled by `psm-token import`; `psm-token doctor` "
        f"finds nothing wrong at the end. By turns, {result['rounds']} rounds; "
        "medians, the small store first; a ratio is of two times of one round. "
        "By the clock: from before the process is made until it has ended; the "
        f"load of the machine was up to {result['load']:.1f}, and where that is "
        "more than 1 this tells of the rest of it, too. Memory is the peak. "
        "Redis is on a unix socket and the other core; it "
        f"takes {memory} bytes for a token with all that leads to it.", 80)
    api = fill("The API, one request after the other of one connection, by an "
               "administrator; memory is what the worker has.", 80)
    whole = fill("What looks at every token, once each, in seconds:", 80)
    return "\n\n".join([
        HEADING, text,
        table(_head("command", "psm-token", "ms"),
              _rows(result["commands"], result, 1e3, ".1f")),
        api,
        table(_head("route", "nginx", "ms"),
              _rows(result["routes"], result, 1e3, ".2f")),
        whole,
        table(_head("command", "psm-token", "s"),
              _rows(result["whole"], result, 1, ".2f"))])
