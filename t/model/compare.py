# SPDX-License-Identifier: BSD-2-Clause
"""Compares answers, finds the smallest case of each kind of difference, and
tells a person."""

from collections import Counter
from typing import NamedTuple

from decision import REASONS, judge
from shapes import Answer, Case
from shrink import smallest

MOST_KINDS = 12         # a broken gate differs everywhere; some are enough


class Difference(NamedTuple):
    """A case, what the page says, what the gate says."""

    case: Case
    model: Answer
    gate: Answer

    def kind(self):
        return (self.model.status, self.model.reason,
                self.gate.status, self.gate.reason)

    def pretty(self):
        return (f'model     {self.model.pretty()}\n'
                f'gate      {self.gate.pretty()}\n{self.case.pretty()}')


def differences(cases, gate_answers):
    """(differences, how often each reason was the model's)."""
    found, seen = [], Counter()
    for case, gate in zip(cases, gate_answers):
        model = judge(case)
        seen[model.reason or str(model.status)] += 1
        if not model.agrees(gate):
            found.append(Difference(case, model, gate))
    return found, seen


def shrunk(difference, ask, may_be_asked):
    """The smallest case of the same kind. ask(cases) gives the gate's
    answers; not every case may be asked."""
    def still_differs(cases):
        for at, (case, gate) in enumerate(zip(cases, ask(cases))):
            again = Difference(case, judge(case), gate)
            if (not again.model.agrees(gate)
                    and again.kind() == difference.kind()):
                return at
        return None

    case = smallest(difference.case, still_differs, may_be_asked)
    return Difference(case, judge(case), ask([case])[0])


def one_of_each_kind(found):
    """The first difference of each kind, the most frequent kinds first."""
    first = {}
    for difference in found:
        first.setdefault(difference.kind(), difference)
    often = Counter(difference.kind() for difference in found)
    return [first[kind] for kind, _ in often.most_common(MOST_KINDS)]


def report(seen, count, firsts, more_reasons, ask, may_be_asked):
    """Prints how often each reason was the model's, and the smallest case of
    each kind of difference; firsts: (seed, difference) of each. Gives the
    exit code: 0 when nothing differs and no reason is missing."""
    print(f'cases {sum(seen.values())}')
    for name, often in seen.most_common():
        print(f'{name:<20} {often}')

    # A reason that no case had: then the generator proves nothing.
    missing = sorted((REASONS | set(more_reasons)) - set(seen))
    if missing:
        print('never occurred: ' + ', '.join(missing))

    for seed, difference in firsts[:MOST_KINDS]:
        small = shrunk(difference, ask, may_be_asked)
        print(f'\ndifference, seed {seed}:\n{small.pretty()}')
    print(f'\ndifferences {count}')
    return 1 if count or missing else 0
