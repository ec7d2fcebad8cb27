#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random cases through the reference model and through a real nginx.

    check_nginx.py --seed N --conf                     print the http block
    check_nginx.py --seed N --ports P P --redis SOCKET [--cases N]
                   [--tokens FILE]                     ask, compare

The ports: with merge_slashes on, and off.

Paths are written in many ways (percent-encoded, doubled slashes, dots), headers
may be doubled, tokens stand where none counts. Prints the seed, a histogram of
reasons, and the smallest case of each kind of difference. --tokens: a file for
some of the tokens that were sent, for who looks for leaks. Exit 0: no
difference and every reason occurred.
"""

import argparse
import random
import sys
import time

import compare
import edge
import queries
import worlds

CASES_PER_CONFIG = 12
CONFIGS_PER_WORLD = 6
TOKENS_TOLD = 40
DECOYS = ('X_Auth', 'X-Auth-Token', 'X_API_Key', 'X-Api.Key', 'Cookie',
          'Proxy-Authorization', 'X-Psm-Token')


def with_double_header(rng, case):
    """Now and then a line that stands twice (T43, T44)."""
    if case.headers and rng.random() < 0.02:
        name, value = rng.choice(case.headers)
        return case._replace(headers=case.headers + (
            (name, rng.choice((value, 'Digest x', 'x'))),))
    return case


def with_other_case(rng, case):
    """Names of headers know no case."""
    change = rng.choice((str, str, str.lower, str.upper))
    return case._replace(headers=tuple(
        (change(name), value) for name, value in case.headers))


def with_decoy(rng, case, token):
    """Now and then a token where none counts: in a header that is no carrier,
    in the query (T37, T45)."""
    kind = rng.random()
    if kind < 0.02:
        name = rng.choice(DECOYS)
        return case._replace(headers=case.headers + ((name, token),))
    if kind < 0.04:
        end = rng.choice(('?token=', '?', '?a=1&t='))
        return case._replace(target=case.target + end + token)
    return case


def cases_of_world(rng, configs, world):
    """The cases of one world, for the servers that there are."""
    for _ in range(CONFIGS_PER_WORLD):
        config = edge.for_request(rng, rng.choice(configs))
        for _ in range(CASES_PER_CONFIG):
            case = queries.new_case(rng, world, config)
            case = case._replace(target=queries.disguised(rng, case.target))
            case = with_double_header(rng, with_other_case(rng, case))
            yield with_decoy(rng, case, rng.choice(world.tokens))


def cases_of(rng, gate, configs, count):
    """That many cases that can be asked, and tokens that may nowhere be seen.

    What is nearly a token is none: nginx logs it as the user it is. The
    tokens are from worlds without such. Nothing expires while it is asked.
    """
    cases, secrets = [], []
    while len(cases) < count:
        world = worlds.new_world(rng, int(time.time()), worlds.FAR,
                                 near=rng.random() < 0.8)
        if not world.near:
            secrets += [t for t in world.tokens if t.startswith('psm-')]
        cases += filter(gate.may_be_asked,
                        cases_of_world(rng, configs, world))
    return cases[:count], secrets[:TOKENS_TOLD]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--seed', type=int, required=True)
    parser.add_argument('--conf', action='store_true')
    parser.add_argument('--ports', type=int, nargs=2)
    parser.add_argument('--redis')
    parser.add_argument('--cases', type=int, default=10000)
    parser.add_argument('--tokens')
    return parser.parse_args()


def main():
    args = arguments()
    configs = edge.random_configs(random.Random(args.seed))
    if args.conf:
        print(edge.nginx_conf(configs))
        return 0

    print(f'seed {args.seed}', flush=True)
    gate = edge.Gate(args.ports, args.redis, configs)
    cases, secrets = cases_of(random.Random(args.seed), gate, configs,
                              args.cases)
    found, seen = compare.differences(cases, gate.ask(cases))
    if args.tokens:
        with open(args.tokens, 'w', encoding='ascii') as out:
            out.write(''.join(f'{token}\n' for token in secrets))
    firsts = [(args.seed, first) for first in compare.one_of_each_kind(found)]
    return compare.report(seen, len(found), firsts, ['404', '400'], gate.ask,
                          gate.may_be_asked)


if __name__ == '__main__':
    sys.exit(main())
