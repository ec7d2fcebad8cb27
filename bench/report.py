# SPDX-License-Identifier: BSD-2-Clause
#
# The figures as Markdown.

from statistics import median, quantiles
from textwrap import fill

from bars import all_bars, gate_instructions, ratios
from variants import BY_KEY, VARIANTS


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---" if n == 0 else "---:"
                            for n in range(len(head))) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _spread(values, form):
    """Median and, in brackets, the quartiles."""
    if len(values) < 2:
        return format(values[0], form)
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{median(values):{form}} ({low:{form}} .. {high:{form}})"


def _bars(results):
    rows = [(bar.text, bar.limit, bar.value, "met" if bar.met else "**missed**")
            for bar in all_bars(results)]
    return "## Bars\n\n" + _table(("bar", "at most", "measured", ""), rows)


def _instructions(counts):
    base = counts["short"]["total"]
    rows = [(BY_KEY[key].label, f"{one['total']:,.0f}",
             f"{one['total'] - base:+,.0f}",
             f"{one['digest']:,.0f}" if one["digest"] else "")
            for key, one in counts.items()]
    rewrite = counts["rewrite"]["total"] - counts["same"]["total"]
    malformed = counts["malformed"]["total"] - counts["absent"]["total"]
    return f"""\
## User-space instructions per request

`valgrind --tool=callgrind`, 2,000 equal requests (the difference between runs of
2,200 and of 200), one after another on one connection. Valgrind hides the CPU's
SHA instructions from OpenSSL, so the digest is shown apart: it is that part of
the instructions that libcrypto spends below `psm::Hasher::digest`.

{_table(("variant", "instructions", "to plain short URL", "of these, digest"),
        rows)}

Hit, less the same request line, less the digest: \
**{gate_instructions(counts):,.0f}**.
The regex rewrite, less the same request line: {rewrite:,.0f}. Malformed, less \
plain
nginx's 404, which spends its time in the kernel instead: {malformed:,.0f}."""


def _row(rounds, variant):
    ones = rounds["variants"][variant.key]
    many = variant.lines == "many"
    return (
        variant.label,
        _spread([one["cpu"] * 1e6 for one in ones], ".2f"),
        f"{median(one['rate'] for one in ones):,.0f}",
        _spread(ratios(rounds, variant.key, "short"), ".3f"),
        _spread(ratios(rounds, variant.key, "same"), ".3f"),
        _spread(ratios(rounds, variant.key, "same_many"), ".3f") if many else "",
    )


def _remarks(rounds):
    measured, commands = rounds["variants"], rounds["commands"]
    misses = measured["miss"]
    requests = sum(one["requests"] for one in misses)
    redis = _spread([one["redis"] * 1e6 for one in misses], ".2f")
    others = sum(sum(commands[variant.key].values()) for variant in VARIANTS
                 if not variant.lookups)
    busy = [median(one["busy"] for one in ones) for ones in measured.values()]
    lines = [
        f"Miss: {commands['miss'].get('get', 0):,} look-ups for {requests:,} "
        f"requests, and {redis} us of Redis's CPU on each. Worker and Redis "
        "together: "
        f"{_spread(ratios(rounds, 'miss', 'same', True), '.3f')} times plain "
        "with one line, "
        f"{_spread(ratios(rounds, 'miss', 'same_many', True), '.3f')} times "
        "plain with the same lines.",
        "Malformed beside plain nginx's 404: "
        f"{_spread(ratios(rounds, 'malformed', 'absent'), '.3f')}; where that "
        "also writes its line into the error log, as it does by default: "
        f"{_spread(ratios(rounds, 'malformed', 'absent_logged'), '.3f')}.",
        f"Redis commands while anything but the miss was measured: {others:,}.",
        f"The worker was busy {min(busy):.0%} to {max(busy):.0%} of the time "
        "(medians of the variants). Near 100% the core was its own.",
    ]
    return "\n".join(fill(line, 80, initial_indent="* ",
                          subsequent_indent="  ") for line in lines)


def _rounds(rounds):
    text = fill(
        f"{rounds['rounds']} rounds in one run, each with every variant for "
        f"about {rounds['length']} s, the order rotated, and turned round in "
        f"every second; new nginx processes every {rounds['fresh']} rounds, "
        "their caches filled first. One worker on one core; wrk "
        f"({rounds['connections']} connections, one thread) and Redis on the "
        "other. Every request of a miss is a look-up: the cache holds one "
        "token, and 10,000 are asked for in turn. CPU time is the worker's "
        "user + sys as the kernel's scheduler counts it, in nanoseconds "
        "(/proc/PID/schedstat); the same sum in ticks of 10 ms "
        f"(/proc/PID/stat) came to {rounds['ticks']:.1f} s for "
        f"{rounds['cpu']:.1f} s. The file has 3 bytes, the access log is off, "
        "sendfile on. Medians, in brackets the quartiles; a ratio is of two "
        "times of one round.", 80)
    table = _table(("variant", "us per request", "requests/s", "to plain, short URL",
                    "to plain, same line", "to plain, same 10,000 lines"),
                   [_row(rounds, variant) for variant in VARIANTS])
    return (f"## CPU time per request\n\n{text}\n\n{table}\n\n"
            + _remarks(rounds))


def _memory(memory):
    rows = [(f"{count:,}", f"{size / 1024:,.0f} KiB",
             f"{(size - memory['points'][0][1]) / count:.0f}" if count else "")
            for count, size in memory["points"]]
    return f"""\
## Memory

Resident memory of one worker, tokens of 4 channels each, asked for once.

{_table(("cached tokens", "resident", "bytes per token"), rows)}

Slope: **{memory['slope']:.0f} bytes** per token, \
{memory['slope'] * 10000 / 2**20:.1f} MiB per 10,000."""


def markdown(results):
    facts = _table(("what", "value"),
                   results["facts"])
    parts = [
        "<!-- SPDX-License-Identifier: BSD-2-Clause -->\n"
        "# What the gate costs\n\n"
        f"Measured by `{results['command']}` on {results['date']}.", facts,
        _bars(results)]
    for part, write in (("instructions", _instructions), ("rounds", _rounds),
                        ("memory", _memory)):
        if part in results:
            parts.append(write(results[part]))
    return "\n\n".join(parts) + "\n"
