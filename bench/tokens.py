# SPDX-License-Identifier: BSD-2-Clause
#
# Token texts and records as design.md fixes them. They are drawn from a seed,
# so that two runs ask for the same.

import hashlib
import json
import random
import time
import uuid
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHANNELS = ("main", "conda-forge", "bioconda", "team/nightly")


def checksum(head):
    number, text = zlib.crc32(head.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def make_tokens(count, seed):
    rng = random.Random(seed)
    heads = ("psm-" + "".join(rng.choices(DIGITS, k=36)) for _ in range(count))
    return [head + checksum(head) for head in heads]


def misspell(token):
    """A token whose checksum is wrong in the last character."""
    return token[:-1] + ("1" if token[-1] == "0" else "0")


def make_key(token):
    return "psm:t:" + hashlib.sha256(token.encode()).hexdigest()


def make_record(number, channels):
    rng = random.Random(number)
    now = int(time.time())
    return json.dumps({
        "v": 1, "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "rev": 1, "name": f"ci-{number:06}", "owner": f"user{number % 1000:03}",
        "type": "resource",
        "resources": {channel: "read" for channel in channels},
        "created": now - 60, "expires": now + 30 * 86400, "by": "bench",
    }, separators=(",", ":"))
