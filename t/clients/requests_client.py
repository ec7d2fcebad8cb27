#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""HTTP as Python's `requests` does it, which PSM's own command line is made
of: the same headers, and the same idea of a netrc file.

Each line is a job {method, url, headers, body (a text), netrc (the path of
one)}, answered by a line {status, type, headers, text, sent (the headers that
went out)}. A header whose value is null is not sent, as there.
"""

import json
import os
import sys

import requests


def send(job):
    os.environ["NETRC"] = job.get("netrc", os.devnull)
    answer = requests.request(
        job["method"],
        job["url"],
        headers=job.get("headers"),
        data=job.get("body"),
        timeout=20,
    )
    return {
        "status": answer.status_code,
        "type": answer.headers.get("Content-Type"),
        "headers": dict(answer.headers),
        "text": answer.text,
        "sent": dict(answer.request.headers),
    }


for line in sys.stdin:
    print(json.dumps(send(json.loads(line))), flush=True)
