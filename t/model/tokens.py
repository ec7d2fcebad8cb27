# SPDX-License-Identifier: BSD-2-Clause
"""Token texts and their carriers (section 2): which token a request claims,
or why it claims none."""

import base64
import binascii
import re
import string
import zlib
from functools import lru_cache
from typing import NamedTuple, Optional

from paths import Refused

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

_PSM = re.compile(r'psm-[0-9A-Za-z]{36}[0-9A-Za-z]{6}')
_FOREIGN = re.compile(r'[A-Za-z0-9-]{16,128}')
_PLACEHOLDER = re.compile(
    r'\*{5}|\*{8}|<TOKEN>|%3CTOKEN%3E'
    r'|\$[A-Za-z_][A-Za-z0-9_]*|\$\{[A-Za-z_][A-Za-z0-9_]*\}')


class Claim(NamedTuple):
    """One well-formed token, or a reason, or neither (nobody asks)."""

    token: Optional[str] = None
    reason: Optional[str] = None


def checksum(head):
    """CRC-32 in base62, most significant first, padded to 6."""
    crc, text = zlib.crc32(head.encode('latin-1')), ''
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        text = BASE62[digit] + text
    return text


@lru_cache(maxsize=4096)
def well_formed(text, form):
    """Whether the format of section 2 accepts this text. One of our shape is
    never another system's: its checksum counts under `any`, too."""
    if len(text) == 46 and text.startswith('psm-'):
        return (bool(_PSM.fullmatch(text))
                and checksum(text[:40]) == text[40:])
    return form == 'any' and bool(_FOREIGN.fullmatch(text))


def is_placeholder(text):
    """What clients show in place of a token and replay."""
    return bool(_PLACEHOLDER.fullmatch(text))


def basic_token(code):
    """The password; or the user, when the password is empty or the word
    x-auth-token. None: no credentials at all."""
    try:
        text = base64.b64decode(code.encode('latin-1'), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.decode('latin-1').partition(':')
    if not colon:
        return None
    return user if password in ('', 'x-auth-token') else password


def authorization(value):
    """(carrier, token text) of an Authorization value. Other schemes are no
    carrier: None."""
    scheme, _, rest = value.partition(' ')
    carrier = scheme.lower()
    if carrier not in ('bearer', 'token', 'basic'):
        return None
    rest = rest.strip(' ')
    return carrier, basic_token(rest) if carrier == 'basic' else rest


def refused_by_nginx(headers):
    """nginx itself takes one Authorization line only (T43)."""
    return [name.lower() for name, _ in headers].count('authorization') > 1


def header_values(headers, carriers):
    """The text of each carrier header; two lines of one carrier: 400."""
    found, seen = [], set()
    for name, value in headers:
        name = name.lower()
        if name == 'authorization':
            read = authorization(value)
        elif name in ('x-auth', 'x-api-key'):
            read = name, value
        else:
            continue
        if read is None or read[0] not in carriers:
            continue
        if name in seen:
            raise Refused(400)
        seen.add(name)
        found.append(read[1] if read[1] is not None else '')
    return found


def claim_of(path_texts, headers, config):
    """What the request claims, by the order of section 3's first row."""
    in_headers = header_values(headers, config.carriers)

    def good(text):
        return well_formed(text, config.format)

    # "Without `path` in the list a path token is still taken, and then
    # refused as malformed" (README).
    forbidden = bool(path_texts) and 'path' not in config.carriers
    in_path = [] if forbidden else list(path_texts)

    different = {text for text in in_path + in_headers if good(text)}
    if len(different) > 1:
        return Claim(reason='token_ambiguous')
    # "A header value that does not look like a token is ignored when another
    # carrier holds a well-formed one"; a pair in the path always counts.
    counting = in_path if different else in_path + in_headers
    bad = [text for text in counting if not good(text)]
    if any(is_placeholder(text) for text in bad):
        return Claim(reason='token_masked')
    if bad or forbidden:
        return Claim(reason='token_malformed')
    return Claim(token=different.pop() if different else None)
