# SPDX-License-Identifier: BSD-2-Clause
"""From the raw request target to the tokens in it and the clean path
(section 2, "Where a token may stand")."""

import re
from functools import lru_cache
from typing import NamedTuple

_ESCAPE = re.compile(r'%([0-9A-Fa-f]{2})')


class Refused(Exception):
    """nginx or the gate refuses before any decision: 400 or 404."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Taken(NamedTuple):
    """A path without its tokens."""

    tokens: tuple       # every <x> of a `t/<x>` pair, in order
    rest: str           # what the channel is read from: behind the base
    under_base: bool    # whether the path lies under a configured base


def without_arguments(target):
    """What names the resource: not the query."""
    return re.split('[?#]', target, maxsplit=1)[0]


def percent_decoded(text):
    """Each %XX is one byte, decoded once (T41)."""
    if '%' not in text:
        return text
    if '%' in _ESCAPE.sub('', text):
        raise Refused(400)
    text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)
    if '\0' in text:
        raise Refused(400)
    return text


def without_dots(path, merge_slashes=True):
    """Slashes merged, `.` and `..` resolved, as nginx does (T25..T28)."""
    if '//' not in path and '/.' not in path:
        return path
    parts = path.split('/')[1:]
    kept = []
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == '..':
            if not kept:
                raise Refused(400)
            kept.pop()
        elif part != '.' and (part or last or not merge_slashes):
            kept.append(part)
            continue
        if last:
            kept.append('')
    return '/' + '/'.join(kept)


@lru_cache(maxsize=4096)
def normal(target, merge_slashes=True):
    """The decoded path that the rules are applied to."""
    return without_dots(percent_decoded(without_arguments(target)),
                        merge_slashes)


def _leading_pairs(path):
    """Every `t/<x>` pair at the beginning, directly behind one another."""
    tokens = []
    while path == '/t' or path.startswith('/t/'):
        token, slash, rest = path[3:].partition('/')
        tokens.append(token)
        if not slash:
            return tokens, ''
        path = '/' + rest
    return tokens, path


def _base_of(path, bases):
    """The longest base that the path lies under."""
    under = [base for base in bases if path.startswith(base)]
    return max(under, key=len, default=None)


def _pairs(path, bases):
    """(tokens at the front, the base, tokens behind it, what is left)."""
    front, path = _leading_pairs(path)
    base = _base_of(path, bases)
    if base is None:
        return front, None, [], path
    behind, rest = _leading_pairs('/' + path[len(base):])
    return front, base, behind, rest


def _prefix_length(path, bases):
    """How many segments there are up to the end of the last pair; "`/t//` is
    malformed", not a prefix with an empty segment."""
    front, base, behind, _ = _pairs(path, bases)
    tokens = front + behind
    length = 2 * len(tokens) - (1 if tokens[-1:] == [''] else 0)
    return length + base.count('/') - 1 if behind else length


def _empty_segment_in_prefix(path, bases):
    """What only `merge_slashes off` lets through."""
    left = _prefix_length(without_dots(path), bases)
    return '' in path.split('/')[1:left + 1]


@lru_cache(maxsize=4096)
def take(path, bases):
    """Takes the pairs: first in the path, and behind the base."""
    front, base, behind, rest = _pairs(path, bases)
    tokens = front + behind
    # "An empty segment in the prefix under `merge_slashes off`: 400."
    if '//' in path and _empty_segment_in_prefix(path, bases):
        raise Refused(400)
    # "`/t/<TOKEN>` with nothing behind it: 404."
    if tokens and rest == '' and tokens[-1]:
        raise Refused(404)
    return Taken(tuple(tokens), rest or '/', base is not None)
