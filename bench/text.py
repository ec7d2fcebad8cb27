# SPDX-License-Identifier: BSD-2-Clause
#
# How figures are written.

from statistics import median, quantiles


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---" if n == 0 else "---:"
                            for n in range(len(head))) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def spread(values, form):
    """Median and, in brackets, the quartiles."""
    if len(values) < 2:
        return format(values[0], form)
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{median(values):{form}} ({low:{form}} .. {high:{form}})"
