# SPDX-License-Identifier: BSD-2-Clause
#
# CPU time per request of the gate and its peers as an SVG picture: a bar for
# each, of nginx, Redis and service. The colours can be told apart on a light
# ground and on a dark one, and by lightness alone; the ground is left as it is.

from statistics import median

from peer_variants import CASES, LABELS, WORKLOADS

WIDTH, LEFT, RIGHT = 760, 190, 80
ROW, BAR, GAP, TOP = 19, 13, 34, 44
PARTS = (("nginx", "#3572b0"), ("redis", "#d9822b"), ("service", "#8a63b8"))

STYLE = """\
  text { font: 12px sans-serif; fill: #57606a; }
  .head { font-weight: bold; }
  .gate { font-weight: bold; }
  .value { font-size: 11px; }
  line { stroke: #8c959f; stroke-opacity: 0.4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #adb5bd; }
  }"""


def _values(measured, case):
    """Microseconds of each part, whose sum is the bar."""
    return [median(one[part] for one in measured[case.key]) * 1e6
            for part, _ in PARTS]


def _step(longest):
    """Between two lines of the scale, of which there are four to ten."""
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500)
                if longest / step <= 10)


def _text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
            f'text-anchor="{anchor}">{words}</text>')


def _bar(y, values, scale, end):
    """One stacked bar; where it is too long, as much of it as fits."""
    x, out = float(LEFT), []
    for value, (part, colour) in zip(values, PARTS):
        wide = min(value * scale, end - x)
        if wide > 0.05:
            out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" '
                       f'height="{BAR}" fill="{colour}"><title>{part}: '
                       f'{value:.2f} us</title></rect>')
            x += wide
    cut = sum(values) * scale > end - LEFT + 0.05
    out.append(_text(x + 5, y + BAR - 2, ("&#8811; " if cut else "")
                     + f"{sum(values):.1f}", "value"))
    return out


def _legend():
    out, x = [_text(0, 14, "CPU time per request, microseconds, one worker",
                    "head")], LEFT + 200
    for part, colour in PARTS:
        out += [f'<rect x="{x}" y="4" width="12" height="12" fill="{colour}"/>',
                _text(x + 17, 14, {"redis": "Redis"}.get(part, part))]
        x += 80
    return out


def _scale(longest, scale, bottom):
    out, step = [], _step(longest)
    for n in range(int(longest / step) + 1):
        x = LEFT + n * step * scale
        out += [f'<line x1="{x:.1f}" y1="{TOP - 12}" x2="{x:.1f}" '
                f'y2="{bottom}"/>',
                _text(x, TOP - 16, f"{n * step}", "value", "middle")]
    return out


def draw(peers):
    """The picture's text."""
    measured = peers["rounds"][1]
    bars = {case: _values(measured, case) for case in CASES}
    # A file written for each new token is off any scale of the others.
    longest = max(sum(values) for case, values in bars.items()
                  if (case.kind, case.work) != ("auth_cache", "cold"))
    end = WIDTH - RIGHT
    scale = (end - LEFT) / longest
    rows, y = [], TOP
    for work, words in WORKLOADS.items():
        rows.append(_text(0, y + BAR - 2, words, "head"))
        y += ROW
        for case, values in bars.items():
            if case.work == work:
                kind = "gate" if case.kind == "gate" else ""
                rows.append(_text(LEFT - 8, y + BAR - 2, LABELS[case.kind],
                                  kind, "end"))
                rows += _bar(y, values, scale, end)
                y += ROW
        y += GAP - ROW
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
             f'height="{y}" viewBox="0 0 {WIDTH} {y}" role="img" '
             'aria-label="CPU time per request of the gate and its peers">',
             "<!-- SPDX-License-Identifier: BSD-2-Clause -->",
             f"<style>\n{STYLE}\n</style>"]
    lines += _legend() + _scale(longest, scale, y - GAP + ROW) + rows
    return "\n".join(lines + ["</svg>"]) + "\n"
