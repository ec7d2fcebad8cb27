# SPDX-License-Identifier: BSD-2-Clause
#
# A private redis-server on a unix socket, and the few commands we send it.

import os
import socket
import time

from processes import Failure, cpu_seconds
from tokens import make_key, make_record


class Store:
    def __init__(self, processes, folder, core=None):
        self.path = os.path.join(folder, "redis.sock")
        self.process = processes.start(
            ["redis-server", "--port", "0", "--unixsocket", self.path,
             "--unixsocketperm", "777", "--dir", folder, "--save", "",
             "--appendonly", "no"],
            os.path.join(folder, "redis.log"), core)
        self._socket = self._connect(time.monotonic() + 20)
        self._replies = self._socket.makefile("rb")

    def _connect(self, deadline):
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(30)
            try:
                connection.connect(self.path)
                return connection
            except OSError:
                connection.close()
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise Failure("redis-server does not start") from None
                time.sleep(0.05)

    @property
    def uri(self):
        return "unix:" + self.path

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def memory(self):
        """Bytes that it has taken for what it holds."""
        for line in self.commands([("INFO", "memory")])[0].splitlines():
            if line.startswith("used_memory:"):
                return int(line.partition(":")[2])
        raise Failure("redis does not tell its memory")

    def _reply(self):
        line = self._replies.readline()
        if line[:1] == b"$":
            return self._replies.read(int(line[1:]) + 2)[:-2].decode()
        if line[:1] not in (b"+", b":"):
            raise Failure(f"redis answers {line!r}")
        return line[1:-2].decode()

    def commands(self, commands):
        """Sends all of them at once; gives the replies."""
        self._socket.sendall(b"".join(
            b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(word), word)
                for word in (text.encode() for text in words))
            for words in commands))
        return [self._reply() for _ in commands]

    def add_tokens(self, tokens, channels, batch=1000):
        """Stores a resource token that may read these channels for each."""
        for first in range(0, len(tokens), batch):
            self.commands([("SET", make_key(token), make_record(n, channels))
                           for n, token in enumerate(
                               tokens[first:first + batch], first)])

    def add_others(self, count, channels, batch=5000):
        """Stores that many records of tokens that nobody has."""
        for first in range(0, count, batch):
            self.commands([("SET", make_key(f"nobody's {n}"),
                            make_record(n, channels))
                           for n in range(first, min(first + batch, count))])

    def calls(self):
        """How often each command has been called, but for this and PING, once
        what an earlier measurement had under way has arrived."""
        counts = self._calls()
        for _ in range(100):
            time.sleep(0.01)
            before, counts = counts, self._calls()
            if counts == before:
                break
        return counts

    def _calls(self):
        counts = {}
        for line in self.commands([("INFO", "commandstats")])[0].splitlines():
            if line.startswith("cmdstat_"):
                name, _, fields = line[len("cmdstat_"):].partition(":")
                counts[name] = int(fields.split(",")[0].split("=")[1])
        # A PING asks for nothing: it tells that the connection lives, or where
        # one send ends.
        for name in ("info", "ping"):
            counts.pop(name, None)
        return counts
