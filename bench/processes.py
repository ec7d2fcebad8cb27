# SPDX-License-Identifier: BSD-2-Clause
#
# What the benchmark starts, and its end: each program is ended by its own
# process id, whatever ends the benchmark.

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Failure(Exception):
    """The benchmark cannot say anything; the text tells why."""


def own_program(name):
    """One of the benchmark's own programs, which make builds."""
    build = os.environ.get("BUILD") or os.path.join(
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build")
    path = os.path.join(build, "bench", name)
    if not os.path.exists(path):
        raise Failure(f"{path} is not there (try: make bench)")
    return path


def wait_for(condition, seconds, what):
    """Waits until condition() is true and gives its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what} within {seconds} s")
        time.sleep(0.01)


def cpu_seconds(pid):
    """User and system time of a process with one thread, as the scheduler
    counts it, in nanoseconds; /proc/PID/stat shows the same sum in ticks."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9
    except FileNotFoundError:
        raise Failure("the kernel has no /proc/PID/schedstat, or the process "
                      f"{pid} is gone") from None


def cpu_ticks(pid):
    """utime + stime of /proc/PID/stat, in seconds."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command_of(pid):
    """A process's title; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pss_bytes(pid):
    """Resident bytes, of what it shares with others its part."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def _before_exec(core):
    # Should this benchmark be killed, its programs get a SIGTERM.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if core is not None:
        os.sched_setaffinity(0, {core})


class Processes:
    """The programs that were started; a context manager that ends them."""

    def __init__(self):
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self._running:
            self.stop(self._running[-1])

    def start(self, command, output, core=None, stdout=None):
        """Starts a program, pinned to a core; what it says goes to `output`."""
        with open(output, "ab") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout or file,
                stderr=file, start_new_session=True,
                preexec_fn=lambda: _before_exec(core))
        self._running.append(process)
        return process

    def stop(self, process, seconds=10):
        """Ends a program, by force when it does not, and then its children
        too, which are in its own group; gives its exit code."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process in self._running:
            self._running.remove(process)
        return process.returncode
