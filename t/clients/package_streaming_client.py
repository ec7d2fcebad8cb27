#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Jobs for conda-package-streaming, one JSON text a line, each answered so.

url      of a package; its metadata are read, no more than needed
headers  what every request carries

The answer is {"files": {name: text}}, or {"error": text}.
"""

import json
import sys

import requests
from conda_package_streaming.url import stream_conda_info


def read_info(job):
    session = requests.Session()
    session.trust_env = False  # no .netrc of someone else
    session.headers.update(job.get("headers") or {})
    files = {}
    stream = stream_conda_info(job["url"], session=session)
    for tar, member in stream:
        files[member.name] = tar.extractfile(member).read().decode()
        if "info/index.json" in files and "info/paths.json" in files:
            stream.close()
            break
    return files


def main():
    for line in sys.stdin:
        try:
            answer = {"files": read_info(json.loads(line))}
        except Exception as error:  # what the caller asks for
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
