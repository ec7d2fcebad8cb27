# SPDX-License-Identifier: BSD-2-Clause
"""Random worlds: tokens with their records, channels with theirs. What is
nearly right occurs often, because that is where rules differ."""

import json
from typing import NamedTuple

from scopes import LEVEL_OF, LEVELS
from shapes import UNAVAILABLE
from tokens import BASE62, checksum

NOW = 1790000000
CHANNELS = ('main', 'main2', 'mai', 'Main', 'main/dev', 'main/dev/deep',
            'main/dev2', 'main2/dev', 'conda-forge', 'conda-forge/label',
            'a', 'a/b', 'a/b/c', 'a.b', 'x_1', 'a/b/c/d/e/f/g/h',
            'T', 'Noarch', 'linux', 'tt', 'n' * 64)
NO_CHANNELS = ('', 't', 'noarch', 'linux-64', 'simple', 'a/t', '/main',
               'main/', 'main//dev', '*', '.main', '-main', '../main', 'ma in',
               'n' * 65, 'a/b/c/d/e/f/g/h/i', 'ma%in', 'main\\dev', 'm\xe4in')
SCOPES = tuple(LEVEL_OF)
PRIVACIES = ('public', 'authenticated', 'private')


class World(NamedTuple):
    """What several cases share."""

    now: int
    records: dict       # token -> text, UNAVAILABLE, or not there
    tokens: tuple       # all the tokens, also those without record
    channels: dict
    names: tuple        # the channels that this world is about
    near: bool          # whether tokens that are nearly right occur


def new_token(rng):
    """A good one of our own form."""
    head = 'psm-' + ''.join(rng.choices(BASE62, k=36))
    return head + checksum(head)


def foreign_token(rng):
    """One that only `psm_token_format any` accepts."""
    size = rng.choice((16, 48, 48, 48, 128))
    return ''.join(rng.choices('0123456789abcdef', k=size))


def near_token(rng, token):
    """Not quite that token."""
    how = rng.randrange(6)
    if how == 0:                    # the checksum is off by one
        at = (BASE62.find(token[-1]) + 1) % 62
        return token[:-1] + BASE62[at]
    if how == 1:                    # two characters changed places
        return token[:8] + token[9:10] + token[8:9] + token[10:]
    if how == 2:
        return token[:-1]
    if how == 3:
        return token + '0'
    if how == 4:
        return token.swapcase()
    return token.replace('p', '_', 1) if 'p' in token else token[:15]


# ----------------------------------------------------------------- records --

def some_scopes(rng):
    """A few scopes, of one category by preference; unknown ones at times."""
    kind = rng.random()
    if kind < 0.35:
        pool = [s for s in SCOPES if s.startswith('artifact:')]
    elif kind < 0.65:
        category = rng.choice(SCOPES).partition(':')[0] + ':'
        pool = [s for s in SCOPES if s.startswith(category)]
    else:
        pool = SCOPES
    found = rng.sample(pool, min(len(pool), rng.choice((1, 1, 2, 3, 5))))
    if rng.random() < 0.2:
        found.append(rng.choice(('x:y', 'channel:manage-groups', 'artifact',
                                 'artifact:Download', '*')))
    return found


SOON = (-86400, -1, 0, 0, 1, 1, 86400, 86400, 86400, 86400, 10**9)
FAR = (-86400, -1000, 86400, 86400, 86400, 10**9)


def good_record(rng, now, names, expiries):
    """A record without fault, as a dictionary."""
    record = {'v': 1, 'id': 'c0ffee00-0000-4000-8000-000000000000', 'rev': 1,
              'name': 'ci', 'owner': 'alice'}
    if rng.random() < 0.55:
        record['type'] = 'resource'
        record['resources'] = {
            rng.choice(names): rng.choice(LEVELS)
            for _ in range(rng.choice((1, 1, 2, 3, 5)))}
    else:
        record['type'] = 'scope'
        record['scopes'] = some_scopes(rng)
        if rng.random() < 0.5:
            record['channels'] = rng.sample(names, rng.choice((1, 1, 2, 3)))
    record['created'] = now - 1000
    if rng.random() < 0.7:
        record['expires'] = now + rng.choice(expiries)
    if rng.random() < 0.05:
        record['disabled'] = rng.random() < 0.5
    if rng.random() < 0.03:
        record['deleted'] = now - rng.choice((0, 5, -5))
    if rng.random() < 0.1:
        record['superseded_by'] = 'another'
    if rng.random() < 0.2:
        record['theirs'] = rng.choice(
            (None, [1, {'a': None}], {'v': 2, 'scopes': 5}, 1.5, 'text'))
    return record


def _other_kind(rng, record, names):
    if 'scopes' in record:
        record['resources'] = {names[0]: 'read'}
    else:
        record[rng.choice(('scopes', 'channels'))] = ['artifact:download']


def _wrong_type(rng, record, _names):
    key = rng.choice(('v', 'id', 'rev', 'name', 'owner', 'type', 'created',
                      'expires', 'disabled', 'deleted', 'desc', 'by',
                      'superseded_by', 'resources', 'scopes', 'channels'))
    record[key] = rng.choice((None, 1.5, {'a': 1}, [1], [None]))


def _number(rng, record, _names):
    key = rng.choice(('expires', 'created', 'rev', 'deleted', 'expires'))
    record[key] = rng.choice((-1, -(2**63), 2**63, 2**64, 10**30, 1e18, True,
                              '5'))


def _list(rng, record, names):
    """A set that names something twice, or nothing."""
    if 'scopes' in record:
        record[rng.choice(('scopes', 'channels'))] = rng.choice(
            ([], [names[0], names[0]], ['']))
    else:
        record['resources'] = {}


def _text(rng, record, _names):
    key = rng.choice(('name', 'owner', 'desc', 'owner'))
    record[key] = rng.choice(('a\nb', 'x' * 1025, 'x\x7f', '\0'))


def _version(rng, record, _names):
    record['v'] = rng.choice((0, 2, '1', None, True, 1.5, -1))


def _missing(rng, record, _names):
    keys = ('v', 'id', 'type', 'name', 'owner', 'scopes', 'resources')
    del record[rng.choice([key for key in keys if key in record])]


def _grants(rng, record, _names):
    if 'scopes' in record:
        record[rng.choice(('scopes', 'channels'))] = rng.choice(
            ('main', {'main': 'read'}, ['main', 1], [['main']]))
    else:
        record['resources']['main'] = rng.choice(
            ('none', 'admin', 'Read', '', 3, None, ['read'], True))


def _no_channel(rng, record, _names):
    name = rng.choice(NO_CHANNELS)
    if 'scopes' in record:
        record['channels'] = ['main', name]
    else:
        record['resources'][name] = 'read'


def _many(rng, record, _names):
    """256 resources are fine, 257 are not."""
    record.pop('scopes', None)
    record.pop('channels', None)
    record['type'] = 'resource'
    record['resources'] = {
        f'main/c{n}': 'read' for n in range(rng.choice((256, 257)))}


def _type(rng, record, _names):
    record['type'] = rng.choice(('scope', 'resource', 'super', '', 'scopes'))


SPOILERS = (_other_kind, _other_kind, _wrong_type, _wrong_type, _wrong_type,
            _number, _number, _version, _missing, _grants, _no_channel, _type,
            _list, _text)


def spoiled_text(rng, text):
    """Faults that a dictionary cannot have."""
    return rng.choice((
        '', text[:-1], text + 'x', text + text, f'[{text}]', 'null', '"text"',
        'main=read', text + '\0', text.replace('alice', '\xff\xfe'),
        '{"rev":1,' + text[1:], '{"v":1,' + text[1:],
        '{"x":{"a":1,"a":2},' + text[1:], '{"\\u0076":1,' + text[1:],
        '{"x":NaN,' + text[1:], '{"x":' + '9' * 30 + ',' + text[1:],
        text.replace(',', ' ,\n\t'), text.replace(':', ' : '), ' ' + text,
        text.replace('"main"', '"m\\u0061in"'),
        text.replace('"main":', '"main": "read", "main":'),
        text.replace('"resources": {', '"resources": {"main": "read", '),
        '{"x":01,' + text[1:], "{'x':1," + text[1:], text[:-1] + ',}',
        '{"x":"\t",' + text[1:]))


def record_text(rng, now, names, expiries):
    """A record as Redis may hold it."""
    record = good_record(rng, now, names, expiries)
    kind = rng.random()
    if kind < 0.09:
        rng.choice(SPOILERS)(rng, record, names)
    elif kind < 0.092:
        _many(rng, record, names)
    elif kind < 0.094:
        text = json.dumps(record)
        room = 65536 - len(text) - len(', "desc": ""')
        size = room + rng.choice((0, 0, 1, 5000))
        return f'{text[:-1]}, "desc": "{"x" * size}"}}'
    text = json.dumps(record)
    if 0.13 < kind < 0.16:
        return spoiled_text(rng, text)
    return text


def channel_text(rng):
    """A channel record, broken at times."""
    if rng.random() < 0.93:
        more = rng.choice(('', '', ',"theirs":[1]'))
        return f'{{"v":1,"privacy":"{rng.choice(PRIVACIES)}"{more}}}'
    return rng.choice((
        '', '{}', '{"v":1}', '{"v":2,"privacy":"public"}', '["public"]',
        '{"v":1,"privacy":"open"}', '{"v":1,"privacy":1}',
        '{"v":1,"privacy":"public","privacy":"public"}',
        '{"v":1,"privacy":"public"}x', '{"privacy":"public"}',
        '{"v":"1","privacy":"public"}', '{"v":1,"privacy":null}'))


# ------------------------------------------------------------------ worlds --

def new_world(rng, now=NOW, expiries=SOON, near=True):
    """Six tokens, some channel records. expiries: from now on."""
    names = tuple(dict.fromkeys(
        (*rng.sample(CHANNELS, 6), 'main', 'main/dev')))
    tokens = [new_token(rng) for _ in range(4)]
    tokens += [foreign_token(rng) for _ in range(2)]    # see queries
    records = {}
    for token in tokens:
        kind = rng.random()
        if kind < 0.07:
            continue
        records[token] = (UNAVAILABLE if kind < 0.12
                          else record_text(rng, now, names,
                                               expiries))
    channels = {}
    for path in rng.sample(names, rng.choice((0, 1, 2, 3, 5))):
        channels[path] = (UNAVAILABLE if rng.random() < 0.1
                          else channel_text(rng))
    return World(now, records, tuple(tokens), channels, names, near)
