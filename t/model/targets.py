# SPDX-License-Identifier: BSD-2-Clause
"""Which channel a path names and what kind of file (section 3, "Channel
path" and the first rows of "What a request needs")."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple, Optional

# conda's own list of subdirs.
PLATFORMS = frozenset('''
    noarch emscripten-wasm32 wasi-wasm32 freebsd-64
    linux-32 linux-64 linux-aarch64 linux-armv6l linux-armv7l linux-ppc64
    linux-ppc64le linux-riscv32 linux-riscv64 linux-s390x
    osx-64 osx-arm64 win-32 win-64 win-arm64 zos-z
    '''.split())

INDEX_FILES = ('repodata*', 'current_repodata*', '*.msgpack.zst',
               'channeldata.json*', 'run_exports.json*', 'notices.json',
               'patch_instructions.json*', 'index.html', 'rss.xml')

MOST_SEGMENTS = 8

_SEGMENT = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,63}')


class Target(NamedTuple):
    """channel None: the path names no channel. misleading: an upstream could
    read another path, so nothing is allowed (T30, T41)."""

    channel: Optional[str]
    is_index: bool
    misleading: bool = False


def ends_channel(segment):
    """The first platform, `simple` or `jupyter` ends the channel path."""
    return segment in PLATFORMS or segment in ('simple', 'jupyter')


def is_segment(segment):
    """The grammar of one segment, and what it never is."""
    return (bool(_SEGMENT.fullmatch(segment)) and segment != 't'
            and not ends_channel(segment))


@lru_cache(maxsize=8192)
def is_channel_path(path):
    """One to eight good segments."""
    segments = path.split('/')
    return (len(segments) <= MOST_SEGMENTS
            and all(is_segment(segment) for segment in segments))


def split_channel(segments):
    """(segments of the channel, those behind it)."""
    # "A lone segment is a channel."
    if len(segments) == 1 and not ends_channel(segments[0]):
        return segments, []
    # "Up to the first that is a platform, or up to the last segment."
    for at, segment in enumerate(segments):
        if ends_channel(segment):
            return segments[:at], segments[at:]
    return segments[:-1], segments[-1:]


def is_directory(segments, behind, named):
    """"A path that ends in `/`, or exactly a channel or platform": the latter
    needs a channel; a platform alone is one, too."""
    if segments[-1] == '':
        return True
    exactly = not behind or (len(behind) == 1 and behind[0] in PLATFORMS)
    return named and exactly


def is_index(segments, behind, named):
    """A directory (`simple/.../` is one), or a file of the list."""
    return is_directory(segments, behind, named) or any(
        fnmatchcase(segments[-1], pattern) for pattern in INDEX_FILES)


def is_read_otherwise(path):
    """An upstream could see another path: an empty segment (T28), dots before
    a path parameter (T30), a `%`, a backslash or a control character after
    decoding (T41; README)."""
    if '//' in path or any(c in '%\\\x7f' or c < ' ' for c in path):
        return True
    return ';' in path and any(
        segment.partition(';')[0] in ('', '.', '..')
        for segment in path.split('/') if ';' in segment)


@lru_cache(maxsize=8192)
def from_path(rest, under_base):
    """The target that the path behind the base names."""
    segments = rest[1:].split('/')
    channel, behind = split_channel(segments)
    path = '/'.join(channel)
    misleading = is_read_otherwise(rest)
    sound = under_base and not misleading
    named = sound and is_channel_path(path)
    platform_alone = sound and not channel
    return Target(path if named else None,
                  is_index(segments, behind, named or platform_alone),
                  misleading)


def of_request(taken, explicit):
    """psm_token_channel, when it is set, says the channel instead."""
    target = from_path(taken.rest, taken.under_base)
    if explicit is None or target.misleading:
        return target
    return target._replace(
        channel=explicit if is_channel_path(explicit) else None)


def with_parents(channel):
    """The path itself, then its parents', most specific first."""
    segments = channel.split('/')
    return ['/'.join(segments[:n]) for n in range(len(segments), 0, -1)]


def covers(granted, channel):
    """Whole segments, byte for byte: `main` never covers `main2`."""
    return channel == granted or channel.startswith(granted + '/')
