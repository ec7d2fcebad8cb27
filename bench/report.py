# SPDX-License-Identifier: BSD-2-Clause
#
# The figures as Markdown.

from statistics import median
from textwrap import fill

from bars import all_bars, gate_instructions, lua_instructions, ratios
from management_report import HEADING, write_management
from peer_report import write_growth, write_peers, write_revocation
from text import spread, table
from variants import BY_KEY, VARIANTS


def _bars(results):
    rows = [(bar.text, bar.limit, bar.value, "met" if bar.met else "**missed**")
            for bar in all_bars(results)]
    return "## Bars\n\n" + table(("bar", "at most", "measured", ""), rows)


def _instructions(counts):
    base = counts["short"]["total"]
    rows = [(BY_KEY[key].label, f"{one['total']:,.0f}",
             f"{one['total'] - base:+,.0f}",
             f"{one['digest'] or one['crypto']:,.0f}" if one["crypto"] else "")
            for key, one in counts.items()]
    rewrite = counts["rewrite"]["total"] - counts["same"]["total"]
    malformed = counts["malformed"]["total"] - counts["absent"]["total"]
    gate = gate_instructions(counts)
    lua = {key: lua_instructions(counts, key) for key in ("lua_cache",
                                                          "lua_alike")}
    return f"""\
## User-space instructions per request

`valgrind --tool=callgrind`, 2,000 equal requests (the difference between runs of
2,200 and of 200), one after another on one connection. Valgrind hides the CPU's
SHA instructions from OpenSSL, so the digest is shown apart: it is that part of
the instructions that libcrypto spends below `psm::Hasher::digest`, or, for Lua,
in its own code. Lua: between 4,000 and 6,000 requests, when LuaJIT has long
compiled what it will.

{table(("variant", "instructions", "to plain short URL", "of these, digest"),
        rows)}

Hit, less the same request line, less the digest: \
**{gate:,.0f}**. The same of the
leanest Lua: {lua["lua_cache"]:,.0f} (the gate: {gate / lua["lua_cache"]:.3f} of it); \
of Lua that also looks at the
checksum and for a second token in the headers, and sets Cache-Control and Vary:
{lua["lua_alike"]:,.0f} ({gate / lua["lua_alike"]:.3f}).
The regex rewrite, less the same request line: {rewrite:,.0f}. Malformed, less \
plain
nginx's 404, which spends its time in the kernel instead: {malformed:,.0f}."""


def _row(rounds, variant):
    ones = rounds["variants"][variant.key]
    many = variant.lines == "many"
    return (
        variant.label,
        spread([one["cpu"] * 1e6 for one in ones], ".2f"),
        f"{median(one['rate'] for one in ones):,.0f}",
        spread(ratios(rounds, variant.key, "short"), ".3f"),
        spread(ratios(rounds, variant.key, "same"), ".3f"),
        spread(ratios(rounds, variant.key, "same_many"), ".3f") if many else "",
    )


def _remarks(rounds):
    measured, commands = rounds["variants"], rounds["commands"]
    misses = measured["miss"]
    requests = sum(one["requests"] for one in misses)
    redis = spread([one["redis"] * 1e6 for one in misses], ".2f")
    others = sum(sum(commands[variant.key].values()) for variant in VARIANTS
                 if not variant.lookups)
    busy = [median(one["busy"] for one in ones) for ones in measured.values()]
    lines = [
        f"Miss: {commands['miss'].get('get', 0):,} look-ups for {requests:,} "
        f"requests, and {redis} us of Redis's CPU on each. Worker and Redis "
        "together: "
        f"{spread(ratios(rounds, 'miss', 'same', True), '.3f')} times plain "
        "with one line, "
        f"{spread(ratios(rounds, 'miss', 'same_many', True), '.3f')} times "
        "plain with the same lines.",
        "Malformed beside plain nginx's 404: "
        f"{spread(ratios(rounds, 'malformed', 'absent'), '.3f')}; where that "
        "also writes its line into the error log, as it does by default: "
        f"{spread(ratios(rounds, 'malformed', 'absent_logged'), '.3f')}.",
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
    rows = table(("variant", "us per request", "requests/s", "to plain, short URL",
                    "to plain, same line", "to plain, same 10,000 lines"),
                   [_row(rounds, variant) for variant in VARIANTS])
    return (f"## CPU time per request\n\n{text}\n\n{rows}\n\n"
            + _remarks(rounds))


def _memory(memory):
    rows = [(f"{count:,}", f"{size / 1024:,.0f} KiB",
             f"{(size - memory['points'][0][1]) / count:.0f}" if count else "")
            for count, size in memory["points"]]
    return f"""\
## Memory

Resident memory of one worker, tokens of 4 channels each, asked for once.

{table(("cached tokens", "resident", "bytes per token"), rows)}

Slope: **{memory['slope']:.0f} bytes** per token, \
{memory['slope'] * 10000 / 2**20:.1f} MiB per 10,000."""


def markdown(results):
    facts = table(("what", "value"),
                   results["facts"])
    parts = [
        "<!-- SPDX-License-Identifier: BSD-2-Clause -->\n"
        "# What the gate costs\n\n"
        f"Measured by `{results['command']}` on {results['date']}, in "
        f"{results['minutes']:.0f} minutes.", facts]
    if all_bars(results):
        parts.append(_bars(results))
    for part, write in (("instructions", _instructions), ("rounds", _rounds),
                        ("memory", _memory), ("peers", write_peers),
                        ("revocation", write_revocation),
                        ("growth", write_growth)):
        if part in results:
            parts.append(write(results[part]))
    if "management" in results:
        parts.append(_management(results))
    return "\n\n".join(parts) + "\n"


def _management(results):
    """A section that may come from another run than the rest."""
    facts = dict(results["facts"])
    return write_management(results["management"]) + "\n\n" + fill(
        f"Measured by `{results['command']}` on {results['date']}, in "
        f"{results['minutes']:.0f} minutes, of {facts['module']} on "
        f"{facts['CPU']}, {facts['cores'].partition(',')[0]} cores, with Redis "
        f"{facts['Redis']}, nginx {facts['nginx']}.", 80)


def with_part(text, results):
    """The page of an earlier run, with this section new or in place of the
    old one. It is the last."""
    return text.partition(HEADING)[0].rstrip() + "\n\n" \
        + _management(results) + "\n"
