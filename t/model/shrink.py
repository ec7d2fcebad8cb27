# SPDX-License-Identifier: BSD-2-Clause
"""Makes a case that shows a difference as small as it goes: every part is
taken away in turn, as long as the difference stays."""

import json
from itertools import islice

from shapes import UNAVAILABLE, Config

PATIENCE = 3000         # candidates
AT_ONCE = 40


def _without_each(items):
    """One item less; of many, half of them first."""
    if len(items) > 4:
        half = len(items) // 2
        yield items[:half]
        yield items[half:]
    for at in range(len(items)):
        yield items[:at] + items[at + 1:]


def _smaller_value(value):
    """A JSON value with one part less, at any depth."""
    if isinstance(value, dict):
        for keys in _without_each(list(value)):
            yield {key: value[key] for key in keys}
        for key, inner in value.items():
            for less in _smaller_value(inner):
                yield {**value, key: less}
    elif isinstance(value, list):
        yield from _without_each(value)
        for at, inner in enumerate(value):
            for less in _smaller_value(inner):
                yield value[:at] + [less] + value[at + 1:]


def _shorter_text(text):
    """A text that is no plain JSON without a half, a quarter, ..., a sign."""
    size = len(text) // 2
    while size >= 1 and len(text) // size <= 300:
        for at in range(0, len(text), size):
            yield text[:at] + text[at + size:]
        size //= 2


def _smaller_text(text):
    """A record with one key, grant or scope less."""
    if text is UNAVAILABLE:
        return
    try:
        value = json.loads(text)
        plain = json.loads(json.dumps(value)) == value
    except (ValueError, RecursionError):
        plain = False
    if not plain:
        yield from _shorter_text(text)
        return
    for less in _smaller_value(value):
        yield json.dumps(less)


def _smaller_records(records):
    for name in records:
        yield {k: v for k, v in records.items() if k != name}
    for name, text in records.items():
        for less in _smaller_text(text):
            yield {**records, name: less}


def _smaller_config(config):
    """Directives back to their defaults, lists shortened."""
    for name, value in config._asdict().items():
        default = Config._field_defaults[name]
        if value != default:
            yield config._replace(**{name: default})
    if len(config.bases) > 1:
        for bases in _without_each(config.bases):
            yield config._replace(bases=bases)


def _smaller_target(target):
    """A segment or two less; a short one in place of a long one."""
    parts = target.split('/')
    for less in _without_each(parts[1:]):
        yield '/' + '/'.join(less)
    for at in range(1, len(parts) - 1):
        yield '/'.join(parts[:at] + parts[at + 2:]) or '/'
    for at in range(1, len(parts)):
        if parts[at] not in ('', 'x', 't', 'a'):
            yield '/'.join(parts[:at] + ['x'] + parts[at + 1:])


def _candidates(case):
    for headers in _without_each(case.headers):
        yield case._replace(headers=headers)
    for records in _smaller_records(case.records):
        yield case._replace(records=records)
    for channels in _smaller_records(case.channels):
        yield case._replace(channels=channels)
    for config in _smaller_config(case.config):
        yield case._replace(config=config)
    for target in _smaller_target(case.target):
        yield case._replace(target=target)
    if case.method != 'GET':
        yield case._replace(method='GET')


def smallest(case, still_differs, may_be_asked):
    """The smallest case found for which still_differs(list of cases) names
    the index of one that differs, or None."""
    tried = 0
    candidates = filter(may_be_asked, _candidates(case))
    while tried < PATIENCE:
        some = list(islice(candidates, AT_ONCE))
        if not some:
            break
        tried += len(some)
        at = still_differs(some)
        if at is not None:
            case = some[at]
            candidates = filter(may_be_asked, _candidates(case))
    return case
