# SPDX-License-Identifier: BSD-2-Clause
"""What the reference model is asked and what it answers.

The model is the contract (its sections 2, 3 and the strictness of section 6)
written a second time, from the page and not from the C++. Everything here is
plain data, so that a case can be generated, sent, compared, cut down, printed.
"""

import json
from typing import NamedTuple, Optional

CARRIERS = ('path', 'bearer', 'token', 'basic', 'x-auth', 'x-api-key')


class _Unavailable:
    """Stands for a record that could not be read (section 3)."""

    def __repr__(self):
        return 'UNAVAILABLE'

    def __reduce__(self):
        return 'UNAVAILABLE'        # one object, in another process too


UNAVAILABLE = _Unavailable()


class Config(NamedTuple):
    """The directives of section 5 that take part in the decision."""

    bases: tuple = ('/',)
    carriers: tuple = CARRIERS
    format: str = 'psm'
    require: str = 'auto'
    channel: Optional[str] = None    # None: from the path
    scope_levels: bool = False
    privacy: str = 'private'
    merge_slashes: bool = True       # nginx's own


class Case(NamedTuple):
    """One request in one world.

    target is the raw request target. records maps a token, channels a channel
    path, to the record's text (Latin-1 for bytes) or to UNAVAILABLE; what is
    not there has no record.
    """

    method: str = 'GET'
    target: str = '/'
    headers: tuple = ()
    config: Config = Config()
    records: dict = {}
    channels: dict = {}
    now: int = 1790000000

    def pretty(self):
        """The case as lines that a person reads."""
        lines = [f'request   {self.method} {self.target}']
        lines += [f'header    {name}: {value}' for name, value in self.headers]
        for name, value in self.config._asdict().items():
            if value != Config._field_defaults[name]:
                lines.append(f'config    {name} = {value!r}')
        lines += [f'token     {token} -> {text!r}'
                  for token, text in self.records.items()]
        lines += [f'channel   {path} -> {text!r}'
                  for path, text in self.channels.items()]
        return '\n'.join(lines + [f'now       {self.now}'])


class Answer(NamedTuple):
    """What the gate says. None: the page does not fix it here."""

    status: int                      # 200 stands for "passes"
    reason: str = ''                 # empty: refused before any decision
    level: Optional[str] = None      # $psm_token_level
    channel: Optional[str] = None    # $psm_token_channel

    def agrees(self, other):
        """Whether another answer says the same, where we say something."""
        return (self.status == other.status and self.reason == other.reason
                and self.level in (None, other.level)
                and self.channel in (None, other.channel))

    def pretty(self):
        return json.dumps(self._asdict())
