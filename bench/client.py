# SPDX-License-Identifier: BSD-2-Clause
#
# A small HTTP client on one kept connection: for looking before measuring, for
# filling caches, and where requests must come one after another.

import socket

from processes import Failure

HEADERS = {
    "Host": "bench",
    "User-Agent": "conda/24.11.0 requests/2.32.3 CPython/3.12.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept": "*/*",
}


def request_of(path):
    lines = [f"GET {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Client:
    def __init__(self, port, timeout=60):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()

    def _answer(self):
        status = self._file.readline().split()
        if len(status) < 2:
            raise Failure("nginx closed the connection")
        headers = {}
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = self._file.read(int(headers.get("content-length", 0)))
        return int(status[1]), headers, body

    def get(self, path):
        """The answer: status, headers (names in lower case), body."""
        self._socket.sendall(request_of(path))
        return self._answer()

    def repeat(self, path, count, status):
        """The same request again and again, each after the last's answer."""
        request = request_of(path)
        for _ in range(count):
            self._socket.sendall(request)
            self._expect(status, path)

    def get_all(self, paths, status, window=50):
        """Many requests, some at a time in one send."""
        for first in range(0, len(paths), window):
            part = paths[first:first + window]
            self._socket.sendall(b"".join(map(request_of, part)))
            for path in part:
                self._expect(status, path)

    def _expect(self, status, path):
        got = self._answer()[0]
        if got != status:
            raise Failure(f"{path}: status {got} instead of {status}")
