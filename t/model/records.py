# SPDX-License-Identifier: BSD-2-Clause
"""Records as section 6 wants them: strict, or record_invalid. What the page
leaves open there is taken from section 7: its limits hold for what is stored,
too."""

import json
import re
from functools import lru_cache
from typing import NamedTuple, Optional

from scopes import LEVELS
from targets import is_channel_path

MOST_BYTES = 64 * 1024
MOST_RESOURCES = 256
ABSURD = 253402300800        # the year 10000

_CONTROL = re.compile(r'[\x00-\x1f\x7f]')

TEXTS = ('id', 'name', 'owner', 'type', 'desc', 'by', 'superseded_by')
# The page shows them in every record and says nothing of their absence; what
# is not exactly as written there is an error.
NEEDED = ('v', 'id', 'name', 'owner', 'type')
NUMBERS = ('v', 'rev', 'created', 'expires', 'deleted')


class Invalid(Exception):
    """Breaks a rule; the text says which."""


class Record(NamedTuple):
    """What of a token record takes part in the decision."""

    resources: Optional[dict]       # of a resource token: channel -> level
    scopes: Optional[tuple]         # of a scope token
    reach: Optional[tuple]          # of a scope token; None: every channel
    expires: Optional[int]          # None: never
    disabled: bool


def _rule(kept, what):
    if not kept:
        raise Invalid(what)


class _Object(dict):
    """A JSON object that remembers whether a key stood twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.twice = len(self) != len(pairs)


def _no_constant(name):
    raise Invalid(f'{name} is no JSON')


def parsed(text):
    """The JSON object in the bytes, without a duplicate key. What stands in
    an unknown key is ignored."""
    try:
        value = json.loads(text.encode('latin-1').decode('utf-8'),
                           object_pairs_hook=_Object,
                           parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(str(error)) from error
    _rule(isinstance(value, _Object), 'no object')
    _rule(not value.twice, 'a duplicate key')
    return value


def is_number(value):
    """"A negative or absurd number" is none, nor is a fraction or a bool."""
    return type(value) is int and 0 <= value < ABSURD


def is_text(value):
    """No control characters (section 7)."""
    return isinstance(value, str) and not _CONTROL.search(value)


def is_list_of_texts(value):
    """A set: not empty, nothing twice (section 7)."""
    return (isinstance(value, list) and bool(value)
            and all(is_text(item) and item for item in value)
            and len(set(value)) == len(value))


def check_types(value):
    """"A wrong type" of a key that is known; unknown keys are ignored."""
    for key in TEXTS:
        _rule(is_text(value.get(key, '')), key)
    for key in NUMBERS:
        _rule(is_number(value.get(key, 0)), key)
    _rule(isinstance(value.get('disabled', False), bool), 'disabled')
    _rule(is_list_of_texts(value.get('scopes', ['x'])), 'scopes')
    _rule(is_list_of_texts(value.get('channels', ['x'])), 'channels')
    _rule(isinstance(value.get('resources', {}), dict), 'resources')


def check_kind(value):
    """"Two kinds, never both in one token", and it is the one it says."""
    kinds = {'resource': 'resources', 'scope': 'scopes'}
    _rule(('resources' in value) != ('scopes' in value), 'both or neither')
    _rule(kinds.get(value.get('type')) in value, 'type')
    _rule('channels' not in value or 'scopes' in value,
          'channels: scope tokens only')


def check_limits(value):
    """The lengths and alphabets of section 7."""
    _rule(1 <= len(value['name']) <= 128, 'name')
    _rule(re.fullmatch(r'[A-Za-z0-9._@+-]{1,128}', value['owner']), 'owner')
    _rule(len(value.get('desc', '')) <= 1024, 'desc')


def check_grants(value):
    """At least one grant (section 7); levels are three words; a channel is
    a channel path."""
    resources = value.get('resources', {})
    _rule('resources' not in value or resources, 'no grant')
    _rule(not resources or not resources.twice, 'a duplicate channel')
    _rule(len(resources) <= MOST_RESOURCES, 'too many resources')
    _rule(all(level in LEVELS for level in map(_text, resources.values())),
          'level')
    _rule(all(map(is_channel_path, resources)), 'no channel path')
    _rule(all(map(is_channel_path, value.get('channels', []))), 'reach')


def _text(value):
    return value if isinstance(value, str) else None


@lru_cache(maxsize=2048)
def token_record(text):
    """A Record; None when it is invalid."""
    try:
        _rule(len(text) <= MOST_BYTES, 'too long')
        value = parsed(text)
        check_types(value)
        _rule(value.get('v') == 1, 'unknown v')
        _rule(all(key in value for key in NEEDED), 'a key is missing')
        check_kind(value)
        check_limits(value)
        check_grants(value)
    except Invalid:
        return None
    scopes, reach = value.get('scopes'), value.get('channels')
    return Record(
        value.get('resources'),
        None if scopes is None else tuple(scopes),
        None if reach is None else tuple(reach),
        value.get('expires'),
        # "`disabled:true`, `deleted:<time>` = tombstone"
        value.get('disabled', False) or 'deleted' in value)


@lru_cache(maxsize=2048)
def channel_privacy(text):
    """The privacy a channel record states. A record that breaks a rule opens
    nothing: private (t/record_invalid.t)."""
    try:
        value = parsed(text)
        _rule(is_number(value.get('v')) and value['v'] == 1, 'unknown v')
        privacy = value.get('privacy')
        _rule(privacy in ('public', 'authenticated', 'private'), 'privacy')
    except Invalid:
        return 'private'
    return privacy
