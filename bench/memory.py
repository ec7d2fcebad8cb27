# SPDX-License-Identifier: BSD-2-Clause
#
# Resident memory per cached token: the slope over 50,000 tokens, each asked
# for once. The first thousand are not counted: they bring in what the worker
# takes once.

import os

from client import Client
from nginx import FILE, Nginx, make_root
from store import Store
from tokens import CHANNELS, make_tokens

FIRST, STEP, STEPS = 1000, 10000, 5


def _slope(points):
    """Least squares."""
    n = len(points)
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    return (sum((x - mean_x) * (y - mean_y) for x, y in points)
            / sum((x - mean_x) ** 2 for x, _ in points))


def measure(bench):
    """Points (tokens, resident bytes), and bytes per token."""
    root = os.path.join(bench.folder, "root")
    make_root(root, [])
    tokens = make_tokens(FIRST + STEP * STEPS, seed=2)
    store = Store(bench.processes, bench.folder)
    bench.progress(f"memory: {len(tokens)} records")
    store.add_tokens(tokens, CHANNELS)
    nginx = Nginx(bench.processes, "gate", os.path.join(bench.folder, "gate"),
                  module=bench.module, redis=store.uri, root=root)

    lines = [f"/t/{token}/{FILE}" for token in tokens]
    points = []
    with Client(nginx.ports["main"]) as client:
        client.get_all(lines[:FIRST], 200)
        points.append((0, nginx.resident()))
        for step in range(STEPS):
            first = FIRST + step * STEP
            client.get_all(lines[first:first + STEP], 200)
            points.append(((step + 1) * STEP, nginx.resident()))
            bench.progress(f"memory: {points[-1][0]} tokens")
    nginx.stop()
    bench.processes.stop(store.process)
    return {"points": points, "slope": _slope(points)}
