#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Jobs for `repocore`, anaconda-client's part for channels, as one JSON text a
line; each is answered by a line.

repocore_client.py HOST:PORT CA-FILE
    job     {token, call (a method of RepoCoreClient or a property), args}
    answer  {result}, or {error: the class, text: what it says}
"""

import json
import sys

from anaconda_auth.config import AnacondaAuthSite
from binstar_client.repocore.client import RepoCoreClient


def plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if isinstance(value, Exception):
        raise value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def run(job):
    site = AnacondaAuthSite(
        domain=sys.argv[1], api_key=job["token"], ssl_verify=sys.argv[2]
    )
    try:
        found = getattr(RepoCoreClient(site=site), job["call"])
        if callable(found):
            found = found(*job.get("args", []), **job.get("named", {}))
        return {"result": plain(found)}
    except Exception as error:
        return {"error": type(error).__name__, "text": str(error)}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
