# SPDX-License-Identifier: BSD-2-Clause
"""Random requests and configurations for a world."""

import base64
import re

from scopes import LEVELS
from shapes import CARRIERS, Case, Config
from targets import PLATFORMS
from worlds import NO_CHANNELS, SCOPES, near_token

METHODS = (('GET',) * 14 + ('HEAD', 'POST', 'PUT', 'PATCH', 'DELETE') * 3
           + ('OPTIONS', 'MKCOL', 'COPY', 'MOVE', 'BREW', 'LOCK'))
SUBDIRS = ('noarch', 'noarch', 'linux-64', 'osx-arm64', 'simple', 'jupyter',
           'simple/pip', 'noarch/shards', 'noarch/x;y', 'noarch/..;x',
           *sorted(PLATFORMS))
FILES = ('repodata.json', 'repodata.json.zst', 'current_repodata.json',
         'repodata_shards.msgpack.zst', 'x.msgpack.zst', 'channeldata.json',
         'channeldata.json.bz2', 'run_exports.json', 'notices.json',
         'notices.json.gz', 'patch_instructions.json', 'index.html', 'rss.xml',
         'rss.xml2', 'xrepodata.json', 'Repodata.json', 'x-1.0-0.conda',
         'x-1.0-0.conda', 'x-1.0-0.tar.bz2', 'index.html.gz', 'repodata',
         'noarch', 'simple', 't', 'x', 'a+b', 'x%y', 'x\\y', 'caf\xe9',
         'x;y', ';y', '..;', '.;y', '..;x')
BASES = (('/',), ('/',), ('/',), ('/api/repo/',), ('/api/repo/', '/'),
         ('/api/', '/api/repo/', '/main/'))
PLACEHOLDERS = ('*****', '********', '<TOKEN>', '%3CTOKEN%3E', '$TOKEN',
                '${TOKEN}')
NO_TOKENS = ('', 'main', 'secret', '${}', '$', 'psm-', '$1',
             'psm-authentication', 'None')
NO_REQUIREMENTS = ('', 'Read', 'none', 'admin', 'artifact', 'artifact:',
                   'artifact:publish', ':edit', 'auto ', 'x:y')

JOINTS = ('/',) * 12 + ('//', '/./', '/x/../', '/%2e/', '/y/%2E%2e/', '%2F',
                        '%2f')
ENDS = ('',) * 8 + ('?x=1', '?', '#x')

_BYTE = re.compile('%[0-9A-Fa-f]{2}|.', re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9/._~!$&'()*+,;=:@<>{}-]")


def quoted(path):
    """The path as a client sends it: only what must be is escaped."""
    return _UNSAFE.sub(lambda m: f'%{ord(m[0]):02X}', path)


def disguised(rng, target):
    """Another writing of the same path: percent-encoded here and there,
    doubled slashes, dots that lead nowhere (T24..T28)."""
    def escape(found):
        char = found[0]
        if len(char) > 1 or rng.random() < 0.6:
            return char
        return f'%{ord(char):02{rng.choice("xX")}}'

    first, *rest = target[1:].split('/')
    path = '/' + first
    for part in rest:
        if rng.random() < 0.25:
            part = _BYTE.sub(escape, part)
        path += rng.choice(JOINTS) + part
    return path + rng.choice(ENDS)


# ----------------------------------------------------------- configuration --

def requirement(rng):
    kind = rng.random()
    if kind < 0.5:
        return 'auto'
    if kind < 0.7:
        return rng.choice(LEVELS)
    if kind < 0.95:
        return rng.choice(SCOPES)
    return rng.choice(NO_REQUIREMENTS)


def explicit_channel(rng, names):
    kind = rng.random()
    if kind < 0.75:
        return None
    if kind < 0.95:
        return rng.choice(names)
    return rng.choice(NO_CHANNELS)


def server_config(rng):
    """What is set for a server."""
    carriers = CARRIERS
    if rng.random() < 0.15:
        carriers = tuple(rng.sample(CARRIERS, rng.choice((1, 3, 5))))
    return Config(bases=rng.choice(BASES), carriers=carriers,
                  format='any' if rng.random() < 0.4 else 'psm',
                  merge_slashes=rng.random() < 0.8)


def location_config(rng, config, names):
    """What is set for a location, on top."""
    return config._replace(
        require=requirement(rng), channel=explicit_channel(rng, names),
        scope_levels=rng.random() < 0.4,
        privacy=rng.choice(('private', 'private', 'authenticated', 'public')))


# ----------------------------------------------------------------- request --

def token_text(rng, world, config):
    """What stands where a token should; nearly always one of the world's
    that the format accepts."""
    kind = rng.random()
    if kind < 0.92:
        foreign = config.format == 'any' or kind < 0.03
        return rng.choice(world.tokens if foreign else world.tokens[:4])
    if kind < 0.96 and world.near:
        return near_token(rng, rng.choice(world.tokens))
    return rng.choice(PLACEHOLDERS if kind < 0.985 else NO_TOKENS)


def channel_part(rng, world):
    kind = rng.random()
    if kind < 0.85:
        return rng.choice(world.names)
    if kind < 0.95:     # below one
        return rng.choice(world.names) + rng.choice(('/dev', '/x', '2', '/t'))
    return rng.choice(NO_CHANNELS)


def resource_path(rng, world):
    """What lies behind the base, without a leading slash."""
    kind = rng.random()
    if kind < 0.02:
        return rng.choice(('', 'noarch/repodata.json', 'simple/', 't'))
    path = channel_part(rng, world)
    if kind < 0.08:
        return path
    if kind < 0.16:
        return path + '/'
    if kind < 0.85:
        path += '/' + rng.choice(SUBDIRS)
    if kind < 0.93:
        return path + '/' + rng.choice(FILES)
    return path + rng.choice(('', '/'))


def with_empty_segment(rng, path):
    """One slash doubled."""
    parts = path.split('/')
    at = rng.randrange(1, len(parts))
    return '/'.join(parts[:at] + [''] + parts[at:])


def path_of(rng, world, config, tokens):
    """A decoded path with pairs at the front, behind the base, anywhere."""
    base = rng.choice(config.bases)
    if rng.random() < 0.06:
        base = rng.choice(('/', '/api/', '/api/repo/', '/apis/', '/x/'))
    front = behind = ''
    for token in tokens:
        if rng.random() < 0.5:
            front += '/t/' + token
        else:
            behind += 't/' + token + '/'
    path = front + base + behind + resource_path(rng, world)
    if not config.merge_slashes and rng.random() < 0.3:
        path = with_empty_segment(rng, path)
    odd = rng.random()
    if odd < 0.004:
        return front or '/t'
    if odd < 0.008:
        return f'/main/t/{rng.choice(world.tokens)}/x'
    if odd < 0.01:
        return front + '/t/'
    return path


def basic(rng, token):
    user = rng.choice(('', 'alice', token, 'x-auth-token'))
    pair = rng.choice((f'{user}:{token}', f'{token}:', f'{token}:x-auth-token',
                       f':{token}', f'alice:{token}'))
    if rng.random() < 0.04:
        pair = rng.choice((f'{token}:hunter2', token, f'alice:{token}:', ':'))
    code = base64.b64encode(pair.encode('latin-1')).decode()
    if rng.random() < 0.04:
        code = rng.choice(('!!!!', 'YWxpY2U=', '', '*****'))
    return 'Basic ' + code


def header_of(rng, token):
    kind = rng.randrange(6)
    if kind == 0:
        return 'X-Auth', token
    if kind == 1:
        return 'X-API-Key', token
    if kind == 2:
        scheme = rng.choice(('Bearer', 'bearer', 'BEARER', 'Bearer', 'Digest',
                             'Bearers', 'AWS4'))
        return 'Authorization', f'{scheme} {token}'
    if kind == 3:
        return 'Authorization', f'{rng.choice(("token", "Token"))} {token}'
    return 'Authorization', basic(rng, token)


def headers_of(rng, tokens):
    """One line each; a second one of the same carrier is not made here."""
    found = {}
    for token in tokens:
        name, value = header_of(rng, token)
        found[name] = value
    if rng.random() < 0.04:     # netrc adds one of its own
        found.setdefault('Authorization', rng.choice((
            'Basic YWxpY2U6aHVudGVyMg==', 'Bearer eyJh.bGci.OiJI',
            'Negotiate abc', 'Bearer', '')))
    return tuple(found.items())


def new_case(rng, world, config):
    """A request with no token, with one, or with several."""
    places = rng.choice((0, 1, 1, 1, 1, 1, 1, 2))
    texts = [token_text(rng, world, config)] * places
    if places == 2 and rng.random() < 0.6:
        texts[1] = token_text(rng, world, config)
    in_path = [t for t in texts if rng.random() < 0.5]
    in_headers = texts[len(in_path):]
    return Case(
        rng.choice(METHODS),
        quoted(path_of(rng, world, config, in_path)),
        headers_of(rng, in_headers), config, world.records, world.channels,
        world.now + rng.choice((-1, 0, 0, 0, 1)))
