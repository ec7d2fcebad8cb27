#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random cases through the reference model and through the compiled library.

    check_library.py --harness build/model/harness [--seed N] [--cases N]
                     [--jobs N] [--spoil REASON=OTHER]

Prints the seed, a histogram of reasons, and for each kind of difference the
smallest case. Exit 0: no difference and every reason occurred; 1 otherwise.
--spoil pretends that the library gave another reason: a difference that must
be found.
"""

import argparse
import os
import random
import sys
from collections import Counter
from functools import partial
from multiprocessing import Pool

import compare
import library
import queries
import worlds
from decision import status_of
from shapes import Answer

BATCH = 20000
CONFIGS_PER_WORLD = 4
CASES_PER_CONFIG = 16


def cases_of_world(rng):
    """The cases of one random world."""
    world = worlds.new_world(rng)
    for _ in range(CONFIGS_PER_WORLD):
        config = queries.location_config(rng, queries.server_config(rng),
                                         world.names)
        for _ in range(CASES_PER_CONFIG):
            case = queries.new_case(rng, world, config)
            if library.reaches_library(case):
                yield case


def batch_of(seed, count):
    """That many cases; the same for the same seed."""
    rng, cases = random.Random(seed), []
    while len(cases) < count:
        cases.extend(cases_of_world(rng))
    return cases[:count]


def ask(program, spoil, cases):
    """The library's answers, spoiled if that is wanted."""
    answers = library.ask(program, cases)
    if not spoil:
        return answers
    reason, _, other = spoil.partition('=')
    return [Answer(status_of(other), other, a.level, a.channel)
            if a.reason == reason else a for a in answers]


def run_batch(program, spoil, task):
    """One process's piece of work; a few differences of each kind."""
    seed, count = task
    cases = batch_of(seed, count)
    found, seen = compare.differences(cases, ask(program, spoil, cases))
    return seed, len(found), compare.one_of_each_kind(found), seen


def tasks_of(seed, count):
    """Seeds of the batches: `seed`, `seed` + 1 and so on."""
    for at, begin in enumerate(range(0, count, BATCH)):
        yield seed + at, min(BATCH, count - begin)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--harness', required=True)
    parser.add_argument('--seed', type=int,
                        default=random.SystemRandom().randrange(2**31))
    parser.add_argument('--cases', type=int, default=100000)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--spoil', default='')
    return parser.parse_args()


def main():
    args = arguments()
    print(f'seed {args.seed}', flush=True)

    seen, count, firsts = Counter(), 0, {}
    work = partial(run_batch, args.harness, args.spoil)
    with Pool(args.jobs) as pool:
        for seed, found, kinds, reasons in pool.imap_unordered(
                work, tasks_of(args.seed, args.cases)):
            seen.update(reasons)
            count += found
            for difference in kinds:
                firsts.setdefault(difference.kind(), (seed, difference))

    return compare.report(seen, count, list(firsts.values()), ['404'],
                          partial(ask, args.harness, args.spoil),
                          library.reaches_library)


if __name__ == '__main__':
    sys.exit(main())
