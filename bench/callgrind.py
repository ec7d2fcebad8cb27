# SPDX-License-Identifier: BSD-2-Clause
#
# Reads a callgrind profile: instructions by function, and what a function's
# callees cost.
#
# A profile is a list of `fn=` blocks. A line of numbers is a position and a
# cost; the one behind `calls=` is what that call cost in all. A name is
# written out once, as `(7) name`, and is `(7)` from then on.

import os
import re
from collections import Counter

NAME = re.compile(r"\((\d+)\)(?: (.*))?")
COST = re.compile(r"[-+*\d]")


class Profile:
    def __init__(self, path):
        self.total = 0
        self.own = Counter()    # (object, function) -> instructions
        self.below = Counter()  # function -> instructions of what it called
        self._names = {"ob": {}, "fn": {}}
        self._object = self._function = ""
        with open(path, encoding="utf-8", errors="replace") as file:
            self._read(file)

    def _read(self, file):
        for line in file:
            if COST.match(line):
                self._own_cost(line)
            elif line.startswith("calls="):
                self.below[self._function] += self._cost(next(file))
            elif line.startswith(("ob=", "cob=", "fn=", "cfn=")):
                self._name(line.rstrip("\n"))

    @staticmethod
    def _cost(line):
        fields = line.split()
        return int(fields[1]) if len(fields) > 1 else 0

    def _own_cost(self, line):
        cost = self._cost(line)
        self.total += cost
        self.own[self._object, self._function] += cost

    def _name(self, line):
        kind, _, value = line.partition("=")
        number, name = NAME.fullmatch(value).groups()
        names = self._names[kind[-2:]]
        if name is not None:
            names[number] = name
        if kind == "ob":
            self._object = names[number]
        elif kind == "fn":
            self._function = names[number]

    def called_by(self, beginning):
        """Instructions of all that was called by the functions whose names
        begin so."""
        return sum(cost for name, cost in self.below.items()
                   if name.startswith(beginning))

    def spent_in(self, name):
        """Instructions of a library's own code."""
        return sum(cost for (path, _), cost in self.own.items()
                   if os.path.basename(path).startswith(name))
