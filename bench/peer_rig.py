# SPDX-License-Identifier: BSD-2-Clause
#
# The gate and its peers side by side: one Redis, one folder of files, an nginx
# for each kind, a service for those that need one, and the programs that ask.

import json
import os
import subprocess

from client import HEADERS
from nginx import Nginx, make_root
from peer_variants import LABELS, MANY, Lines
from processes import (Failure, cpu_seconds, own_program, pss_bytes,
                       wait_for)
from rounds import run_wrk
from store import Store
from tokens import CHANNELS, make_tokens


class Site:
    """One kind of gate: its nginx, and its service if it has one."""

    def __init__(self, rig, kind, folder, workers):
        self.kind = kind
        self._processes = rig.bench.processes
        self._service, more = None, {}
        if kind.startswith("auth"):
            more["service"] = folder + ".socket"
            self._service = self._start_service(rig, more["service"])
        self.nginx = Nginx(
            self._processes, kind, folder, module=rig.bench.module,
            redis=rig.store.uri, root=rig.root, workers=workers, more=more,
            core=rig.server_core if workers == 1 else None)
        self.ports = self.nginx.ports

    def _start_service(self, rig, path):
        service = self._processes.start(
            [rig.program("service"), path, rig.store.path],
            os.path.join(rig.bench.folder, "service.log"), rig.client_core)
        wait_for(lambda: os.path.exists(path) or service.poll() is not None, 10,
                 "the service does not listen")
        os.chmod(path, 0o777)
        return service

    def cpu(self):
        """Seconds of nginx and of the service."""
        service = cpu_seconds(self._service.pid) if self._service else 0.0
        return self.nginx.cpu(), service

    def memory(self):
        """Bytes of all its processes, what they share counted once: of nginx
        and of the service."""
        service = pss_bytes(self._service.pid) if self._service else 0
        return self.nginx.pss(), service

    def stop(self):
        self.nginx.stop()
        if self._service:
            self._processes.stop(self._service)


class PeerRig:
    def __init__(self, bench, tokens):
        self.bench = bench
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.client_core = cores[0], cores[-1]
        if self.server_core == self.client_core:
            raise Failure("two cores are needed")
        self.root = os.path.join(bench.folder, "root")
        bench.progress(f"peers: {tokens:,} records")
        self.lines = Lines(make_tokens(tokens, seed=5))
        recorded = self.lines.recorded()
        make_root(self.root, recorded[:MANY])
        self.store = Store(bench.processes, bench.folder, self.client_core)
        self.store.add_tokens(recorded, CHANNELS)
        self.write("headers", [f"{n}: {v}" for n, v in HEADERS.items()])
        for work in ("hot", "many", "unknown"):
            self.write(work, self.lines.of(work))
        self.sites = {}
        self._starts = 0

    program = staticmethod(own_program)

    def file(self, name):
        return os.path.join(self.bench.folder, name + ".txt")

    def write(self, name, lines):
        with open(self.file(name), "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines)

    def start(self, workers, kinds=tuple(LABELS)):
        """New processes."""
        self.stop()
        self._starts += 1
        for kind in kinds:
            self.sites[kind] = Site(
                self, kind,
                os.path.join(self.bench.folder, f"{kind}-{self._starts}"),
                workers)

    def stop(self):
        while self.sites:
            self.sites.popitem()[1].stop()

    def ask(self, kind, lines, rate, seconds, order="random", seed=1,
            port="main"):
        """Asks at a constant rate, or (0) for each line once; what came."""
        said = subprocess.run(
            [self.program("load"), str(self.sites[kind].ports[port]),
             str(rate), str(seconds), str(self.bench.options.connections),
             self.file(lines), self.file("headers"), order, str(seed)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=120,
            preexec_fn=lambda: os.sched_setaffinity(0, {self.client_core}))
        if said.returncode != 0:
            raise Failure(f"{kind}: {said.stderr.decode().strip()}")
        return json.loads(said.stdout)

    def start_load(self, kind, lines, rate):
        """Asks at a constant rate until it is stopped."""
        return self.bench.processes.start(
            [self.program("load"), str(self.sites[kind].ports["main"]),
             str(rate), "600", str(self.bench.options.connections),
             self.file(lines), self.file("headers"), "random", "1"],
            os.path.join(self.bench.folder, "load.log"))

    def fill(self, kind, lines, status):
        """Asks for each line once, so that it is known."""
        counted = self.ask(kind, lines, 0, 0)
        if counted["statuses"] != {str(status): counted["requests"]}:
            raise Failure(f"{kind}, {lines}: {counted['statuses']}")

    def flood(self, case, lines, length, seed):
        """Lets wrk ask as fast as it can."""
        site = self.sites[case.kind]
        return run_wrk(self.bench, site.nginx, site.ports["main"],
                       self.file(lines), self.file("headers"), case.order,
                       seed, length, self.client_core)
