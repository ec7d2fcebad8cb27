#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Jobs for py-rattler, one JSON text a line; each is answered by a line.

home      a folder for caches and credentials
auth      in `home`: the file that RATTLER_AUTH_FILE names
index     a channel's folder: makes its repodata, with shards
channels  URLs: fetches their repodata, {channel: {subdir: [names]}}
headers   what every request carries (Bearer, Basic); without it the
          credentials are those of the auth file, .netrc in `home` or the URL
specs     what to solve for and to install into `prefix`
as        {headers, replace: [old, new]}: other credentials for the packages
          than for the repodata; `replace` changes their URLs

The answer has `fetched` and `installed` (names), or `fetch_error` and
`install_error`: the text of an error and of its causes.
"""

import asyncio
import json
import os
import pathlib
import sys

import rattler
import rattler.index
from rattler.networking import (
    AddHeadersMiddleware,
    AuthenticationMiddleware,
    Client,
    fetch_repo_data,
)

SUBDIRS = ("noarch", "linux-64")


def make_client(headers):
    if headers:
        return Client([AddHeadersMiddleware(lambda host, path: headers)])
    return Client([AuthenticationMiddleware()])


async def fetch(job, home):
    client = make_client(job.get("headers"))
    answer = {}
    for number, url in enumerate(job["channels"]):
        cache = home / f"channel-{number}"
        cache.mkdir()
        found = await fetch_repo_data(
            channels=[rattler.Channel(url)],
            platforms=[rattler.Subdir(subdir) for subdir in SUBDIRS],
            cache_path=cache,
            callback=None,
            client=client,
        )
        answer[url] = {
            data.subdir: sorted(data.package_names()) for data in found
        }
    return answer


async def install(job, home):
    client = make_client(job.get("headers"))
    gateway = rattler.Gateway(cache_dir=home / "gateway", client=client)
    records = await rattler.solve(
        job["channels"], job["specs"], gateway=gateway, platforms=SUBDIRS
    )
    other = job.get("as")
    if other is not None:
        client = make_client(other.get("headers"))
        old, new = other.get("replace", ("", ""))
        for record in records:
            record.url = record.url.replace(old, new)
    await rattler.install(
        records,
        target_prefix=job["prefix"],
        cache_dir=home / "packages",
        client=client,
        show_progress=False,
    )
    return sorted(record.name.normalized for record in records)


async def index(job, home):
    await rattler.index.index_fs(job["index"], write_shards=True, force=True)
    return True


def text_of(error):
    texts = []
    while error:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return " / ".join(texts)


def answer(job):
    home = pathlib.Path(job["home"])
    os.environ["HOME"] = str(home)
    os.environ.pop("RATTLER_AUTH_FILE", None)
    if job.get("auth"):
        os.environ["RATTLER_AUTH_FILE"] = str(home / job["auth"])
    if "index" in job:
        return {"indexed": asyncio.run(index(job, home))}
    done = {}
    for name, work in (("fetch", fetch), ("install", install)):
        try:
            done[name + "ed"] = asyncio.run(work(job, home))
        except Exception as error:  # what the caller asks for
            done[name + "_error"] = text_of(error)
    return done


def main():
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
