# SPDX-License-Identifier: BSD-2-Clause
#
# Token texts and records as design.md fixes them. They are drawn from a seed,
# so that two runs ask for the same.

import hashlib
import random
import time
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
    """A million of them are wanted, hence no json and no uuid module."""
    digits = hashlib.md5(b"%d" % number).hexdigest()
    grants = ",".join(f'"{channel}":"read"' for channel in channels)
    now = int(time.time())
    return (
        f'{{"v":1,"id":"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-'
        f'a{digits[17:20]}-{digits[20:]}","rev":1,"name":"ci-{number:06}",'
        f'"owner":"user{number % 1000:03}","type":"resource",'
        f'"resources":{{{grants}}},"created":{now - 60},'
        f'"expires":{now + 30 * 86400},"by":"bench"}}')


def make_tombstone():
    """What stands for a token that was deleted."""
    return make_record(0, CHANNELS)[:-1] + f',"deleted":{int(time.time())}}}'
