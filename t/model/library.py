# SPDX-License-Identifier: BSD-2-Clause
"""The compiled library behind harness.cpp's lines: many cases at once."""

import re
import subprocess

import paths
from shapes import UNAVAILABLE, Answer

_SPECIAL = re.compile(r'[\t\n\r\\]')
_ESCAPED = {'\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\'}


def _field(text):
    if _SPECIAL.search(text):
        return _SPECIAL.sub(lambda m: _ESCAPED[m[0]], text)
    return text


def _line(*fields):
    return '\t'.join(map(_field, fields)) + '\n'


def _stored(verb, records):
    for name, text in records.items():
        yield _line(verb, name, '!' if text is UNAVAILABLE else '=' + text)


def world_lines(case):
    """The records of a case."""
    yield 'X\n'
    yield from _stored('T', case.records)
    yield from _stored('C', case.channels)


def config_line(config):
    return _line(
        'G', ','.join(config.bases), ','.join(config.carriers), config.format,
        config.require,
        '-' if config.channel is None else '=' + config.channel,
        'on' if config.scope_levels else 'off', config.privacy)


def decoded_path(case):
    """nginx decodes the path before any of ours sees it."""
    return paths.normal(case.target, case.config.merge_slashes)


def reaches_library(case):
    """nginx refuses a target that it cannot decode; then nobody is asked."""
    try:
        decoded_path(case)
    except paths.Refused:
        return False
    return True


def request_line(case):
    """The question itself."""
    fields = ['Q', str(case.now), case.method, decoded_path(case)]
    for name, value in case.headers:
        fields += [name.lower(), value]
    return _line(*fields)


def lines(cases):
    """Cases in order; what a case shares with the one before is not said
    again."""
    records = channels = config = None
    for case in cases:
        if case.records is not records or case.channels is not channels:
            records, channels = case.records, case.channels
            yield from world_lines(case)
        if case.config is not config:
            config = case.config
            yield config_line(config)
        yield request_line(case)


def read_answer(line):
    status, reason, level, channel = (
        '' if field == '-' else field for field in line.split(' '))
    return Answer(int(status), reason, level, channel)


def ask(program, cases):
    """The harness's answers to a list of cases."""
    done = subprocess.run(
        [program], input=''.join(lines(cases)).encode('latin-1'),
        stdout=subprocess.PIPE, check=True)
    answers = [read_answer(line)
               for line in done.stdout.decode('latin-1').splitlines()]
    if len(answers) != len(cases):
        raise RuntimeError(f'{len(cases)} cases, {len(answers)} answers')
    return answers
