# SPDX-License-Identifier: BSD-2-Clause
#
# What the figures were measured on and with.

import os
import platform
import re
import subprocess

from nginx import find_nginx


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _say(*command):
    """What a program prints, on whichever stream; empty without it."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=20,
            check=False).stdout.strip()
    except (OSError, TypeError, subprocess.TimeoutExpired):
        return ""


def _first(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def _version(package):
    return _say("dpkg-query", "-W", "-f", "${Version}", package)


def describe(repo):
    """Pairs of a name and a value."""
    cpu = _read("/proc/cpuinfo")
    model = _first(r"^model name\s*: (.*)", cpu)
    if re.search(r"^flags\s*:.*\bhypervisor\b", cpu, re.MULTILINE):
        model += " (virtual machine)"
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    # Debian's package carries what its program does not tell.
    nginx = _first(r"nginx/(\S+)", _say(find_nginx(), "-v"))
    package = _version("nginx-light")
    return [
        ("CPU", model),
        ("cores", f"{os.cpu_count()}, SHA instructions: "
         + ("yes" if re.search(r"\bsha_ni\b|\bsha2\b", cpu) else "no")),
        ("governor", governor.strip() or "not told by the kernel"),
        ("kernel", platform.release()),
        ("system", _first(r'^PRETTY_NAME="(.*)"', _read("/etc/os-release"))),
        ("nginx", nginx + (f" (nginx-light {package})"
                           if package.startswith(nginx) else "")),
        ("OpenSSL", _first(r"^OpenSSL (\S+)", _say("openssl", "version"))),
        ("Redis", _first(r"v=(\S+)", _say("redis-server", "--version"))),
        ("Lua module", f"{_version('libnginx-mod-http-lua')}, LuaJIT "
         f"{_version('libluajit2-5.1-2')}"),
        ("wrk", _first(r"^wrk (\S+)", _say("wrk", "-v"))),
        ("valgrind", _first(r"valgrind-(\S+)", _say("valgrind", "--version"))),
        ("module", _say("git", "-C", repo, "describe", "--always", "--dirty",
                        "--tags")),
    ]
