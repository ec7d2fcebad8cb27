# SPDX-License-Identifier: BSD-2-Clause
#
# The nginx instances that are compared. They differ in nothing but what is
# compared: the same program, the same settings, the same file of 3 bytes. What
# would hide the gate's share is off: no access log, no large file.
#
#   plain   without the module: the files, and a server with the regex rewrite
#   gate    the module; whatever was asked once stays in the cache
#   miss    the module with a cache of one token: of 10,000 tokens that are
#           asked for in turn each has a record, and none is ever in the cache
#   strict  the module without a cache
#   api     the module's REST API
#
# and the peers, which peer_bodies.py describes.

import os
import re
import shutil
import socket
import subprocess

from peer_bodies import LUA_MODULES, PEERS
from processes import (Failure, children_of, command_of, cpu_seconds, cpu_ticks,
                       pss_bytes, resident_bytes, wait_for)

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = "main/noarch/repodata.json"
CONTENT = b"{}\n"

FRAME = """\
{load}
{user}
{mode}
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{
    worker_connections 512;
}}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000000;
    log_not_found off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{body}
}}
"""

PLAIN = """
    server {{
        listen 127.0.0.1:{main}{reuse};
        root {root};
    }}
    server {{
        listen 127.0.0.1:{rewrite};
        root {root};
        rewrite ^/t/[^/]+(/.*)$ $1 last;
    }}
    server {{
        listen 127.0.0.1:{logging};
        root {root};
        log_not_found on;
    }}
"""

# Redis has time: under valgrind everything is slow. The cache keeps what it
# keeps by default.
GATE = """
    psm_token_redis {redis} timeout=20s connect_timeout=20s;
    psm_token_cache max={cache} valid=5m negative=5s;
    server {{
        listen 127.0.0.1:{main}{reuse};
        root {root};
        psm_token on;
    }}
    server {{
        listen 127.0.0.1:{probe}{reuse};
        root {root};
        psm_token on;
        add_header X-Worker $pid always;
        add_header X-Cache $psm_token_cache always;
        add_header X-Reason $psm_token_status always;
    }}
"""

STRICT = GATE.replace("max={cache} valid=5m negative=5s", "off")

API = """
    psm_token_redis {redis} timeout=20s connect_timeout=20s;
    server {{
        listen 127.0.0.1:{main}{reuse};
        location /api/ {{
            psm_token_api;
        }}
    }}
"""

# By kind: the configuration and what it needs.
BODIES = {
    "plain": (PLAIN, {}),
    "gate": (GATE, {"cache": 100000}),
    "miss": (GATE, {"cache": 1}),
    "strict": (STRICT, {}),
    "api": (API, {}),
    **{kind: (body, {}) for kind, body in PEERS.items()},
}


def find_nginx():
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin",
                            "/usr/local/sbin"))
    return os.environ.get("PSM_NGINX") or shutil.which("nginx", path=path)


def modules_folder():
    """Where the distribution's modules are."""
    said = subprocess.run([find_nginx(), "-V"], stderr=subprocess.PIPE,
                          check=False).stderr.decode()
    found = re.search(r"--modules-path=(\S+)", said)
    return found.group(1) if found else "/usr/lib/nginx/modules"


def _modules(kind, module):
    """The lines that load what a kind needs."""
    if kind in ("gate", "miss", "strict", "api"):
        return f"load_module {module};"
    if kind.startswith("lua"):
        return "\n".join(f"load_module {modules_folder()}/{name};"
                         for name in LUA_MODULES)
    return ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _make_file(folder):
    path = os.path.join(folder, FILE)
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(CONTENT)


def make_root(root, tokens):
    """The document root: the file at its own path, again below t/<TOKEN> for
    the first token, and seen there through links for the others, so that
    10,000 request lines are about one file on either side."""
    _make_file(root)
    for token in tokens[:1]:
        _make_file(os.path.join(root, "t", token))
    for token in tokens[1:]:
        os.symlink("..", os.path.join(root, "t", token))


class Nginx:
    """One instance; `prefix` are the words before it (valgrind), `more` what
    else its configuration names."""

    def __init__(self, processes, kind, folder, *, module, redis, root,
                 core=None, prefix=(), single=False, workers=1, more=None):
        self.folder = folder
        self._processes = processes
        self._others = []
        os.makedirs(folder)
        body, extra = BODIES[kind]
        names = re.findall(r"127\.0\.0\.1:\{(\w+)\}", body)
        self.ports = {name: free_port() for name in names}
        conf = os.path.join(folder, "nginx.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(FRAME.format(
                load=_modules(kind, module), workers=workers,
                user="user root;" if os.geteuid() == 0 and not single else "",
                mode="master_process off;" if single else "",
                folder=folder,
                body=body.format(
                    redis=redis, root=root, here=HERE, folder=folder,
                    reuse=" reuseport" if workers > 1 else "", **self.ports,
                    **extra, **(more or {}))))
        log = os.path.join(folder, "start.log")
        self._process = processes.start(
            [*prefix, find_nginx(), "-p", folder + "/", "-c", conf, "-e", log],
            log, core)
        wait_for(self._answers, 60, f"nginx ({kind}) does not listen")
        self.workers = [self._process.pid] if single else wait_for(
            lambda: self._children(workers), 10, "nginx has no worker")

    def _answers(self):
        if self._process.poll() is not None:
            raise Failure("nginx does not start: " + self.said())
        return self._connect()

    def _children(self, workers):
        """The workers and, for its CPU time counts too, what looks after a
        proxy_cache. (What loads one ends by itself, with nothing done.)"""
        named = {pid: command_of(pid) for pid in children_of(self._process.pid)}
        found = [pid for pid, name in named.items() if "worker process" in name]
        self._others = [pid for pid, name in named.items()
                        if "cache manager" in name]
        return found if len(found) == workers else None

    def _connect(self):
        try:
            socket.create_connection(("127.0.0.1", self.ports["main"]), 5).close()
            return True
        except OSError:
            return False

    def said(self):
        """What it has put into its logs."""
        text = ""
        for name in ("start.log", "error.log"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text

    def cpu(self):
        return sum(map(cpu_seconds, self.workers + self._others))

    def ticks(self):
        return sum(map(cpu_ticks, self.workers + self._others))

    def resident(self):
        """Resident bytes of the workers."""
        return sum(map(resident_bytes, self.workers))

    def pss(self):
        """Bytes of master, workers and the rest, what they share once."""
        return sum(map(pss_bytes, [self._process.pid, *self.workers,
                                   *self._others]))

    def stop(self):
        """Ends it; gives its exit code. A single process that gets its signal
        just before it waits for events would sleep on: a connection wakes it."""
        self._process.terminate()
        for _ in range(100):
            try:
                self._process.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                self._connect()
        return self._processes.stop(self._process)
