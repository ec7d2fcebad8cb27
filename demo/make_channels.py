#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes the demo's channels: real packages in both formats, and a pip index.

    make_channels.py FOLDER

Every channel gets noarch/ and linux-64/ with a .tar.bz2 and a .conda each,
repodata.json and repodata.json.zst, channeldata.json, and simple/ with one
wheel. The same input gives the same bytes: times and owners are fixed. Needs
the standard library and the `zstd` program.
"""

import base64
import bz2
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import zipfile

TIME = 1_700_000_000  # of everything that carries a time
ZIP_TIME = (2023, 11, 14, 22, 13, 20)
CHANNELS = ("public", "authenticated", "private", "private/dev")


def to_json(value):
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def zstd(data):
    done = subprocess.run(
        ["zstd", "-q", "-c", "-9", "--single-thread"],
        input=data, stdout=subprocess.PIPE, check=True,
    )
    return done.stdout


def tar(files):
    """A tar of {path: bytes}; what lies in bin/ is executable."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            entry.mtime = TIME
            entry.mode = 0o755 if path.startswith("bin/") else 0o644
            entry.uname = entry.gname = "root"
            t.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def make_zip(files, compression):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as z:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, ZIP_TIME)
            entry.compress_type = compression
            entry.external_attr = 0o644 << 16
            z.writestr(entry, data)
    return out.getvalue()


class Package:
    """One conda package: its index record and its payload."""

    def __init__(self, subdir, name, version, files, depends=()):
        self.files = files
        self.index = {
            "arch": None,
            "build": "0",
            "build_number": 0,
            "depends": list(depends),
            "license": "BSD-2-Clause",
            "name": name,
            "platform": None,
            "subdir": subdir,
            "timestamp": TIME * 1000,
            "version": version,
        }
        if subdir == "noarch":
            self.index["noarch"] = "generic"
        else:
            self.index["platform"], self.index["arch"] = "linux", "x86_64"
        self.stem = f"{name}-{version}-0"

    def info(self):
        paths = [
            {
                "_path": path,
                "path_type": "hardlink",
                "sha256": hashlib.sha256(data).hexdigest(),
                "size_in_bytes": len(data),
            }
            for path, data in sorted(self.files.items())
        ]
        about = {"license": "BSD-2-Clause", "summary": "part of the demo"}
        return {
            "info/index.json": to_json(self.index),
            "info/about.json": to_json(about),
            "info/paths.json": to_json({"paths": paths, "paths_version": 1}),
            "info/files": "".join(
                f"{path}\n" for path in sorted(self.files)
            ).encode(),
        }

    def as_tar_bz2(self):
        return bz2.compress(tar({**self.info(), **self.files}), 9)

    def as_conda(self):
        parts = {
            "metadata.json": json.dumps(
                {"conda_pkg_format_version": 2}
            ).encode(),
            f"pkg-{self.stem}.tar.zst": zstd(tar(self.files)),
            f"info-{self.stem}.tar.zst": zstd(tar(self.info())),
        }
        return make_zip(parts, zipfile.ZIP_STORED)


def packages_of(channel):
    """The packages of a channel as (Package, suffix)."""
    label = channel.replace("/", "-")

    def text(name):
        return f"This is {name} from the channel {channel}.\n".encode()

    def script(name):
        return f"#!/bin/sh\necho 'Hello from {channel}: {name}'\n".encode()

    notes, data = f"{label}-notes", f"{label}-data"
    tool, extra = f"{label}-tool", f"{label}-extra"
    yield Package(
        "noarch", notes, "1.0", {f"share/{notes}/notes.txt": text(notes)}
    ), ".tar.bz2"
    yield Package(
        "noarch", data, "2.1.0", {f"share/{data}/data.txt": text(data)}
    ), ".conda"
    yield Package(
        "linux-64", tool, "1.2", {f"bin/{tool}": script(tool)}, [f"{data} >=2"]
    ), ".conda"
    yield Package(
        "linux-64", extra, "0.9", {f"bin/{extra}": script(extra)}, [notes]
    ), ".tar.bz2"
    # An epoch and a local version: characters that clients write as they are.
    odd = f"{label}-epoch"
    yield Package(
        "noarch", odd, "1!2.0+g1", {f"share/{odd}/epoch.txt": text(odd)}
    ), ".tar.bz2"


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_repodata(folder, subdir, entries):
    """entries: {file name: (record, bytes)}."""
    repodata = {
        "info": {"subdir": subdir},
        "packages": {},
        "packages.conda": {},
        "removed": [],
        "repodata_version": 1,
    }
    for name, (record, data) in sorted(entries.items()):
        key = "packages.conda" if name.endswith(".conda") else "packages"
        repodata[key][name] = {
            **record,
            "md5": hashlib.md5(data).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }
        write(folder / subdir / name, data)
    text = to_json(repodata)
    write(folder / subdir / "repodata.json", text)
    write(folder / subdir / "repodata.json.zst", zstd(text))


def write_conda(folder, channel):
    subdirs = {"noarch": {}, "linux-64": {}}
    known = {}
    for package, suffix in packages_of(channel):
        data = (
            package.as_conda() if suffix == ".conda" else package.as_tar_bz2()
        )
        index = package.index
        subdirs[index["subdir"]][package.stem + suffix] = (index, data)
        known[index["name"]] = {
            "subdirs": [index["subdir"]],
            "version": index["version"],
        }
    for subdir, entries in subdirs.items():
        write_repodata(folder, subdir, entries)
    write(
        folder / "channeldata.json",
        to_json({
            "channeldata_version": 1,
            "packages": known,
            "subdirs": sorted(subdirs),
        }),
    )


def make_wheel(name, channel):
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    files = {
        f"{module}/__init__.py": f'CHANNEL = "{channel}"\n'.encode(),
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            "Summary: part of the demo\nLicense: BSD-2-Clause\n"
        ).encode(),
        f"{info}/WHEEL": (
            b"Wheel-Version: 1.0\nGenerator: demo\n"
            b"Root-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = ""
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        record += f"{path},sha256={digest.rstrip(b'=').decode()},{len(data)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = make_zip(files, zipfile.ZIP_DEFLATED)
    return f"{module}-1.0-py3-none-any.whl", wheel


def write_pip(folder, channel):
    name = "psm-demo-" + channel.replace("/", "-")
    file_name, wheel = make_wheel(name, channel)
    page = "<!DOCTYPE html>\n<title>{0}</title>\n<a href=\"{1}\">{2}</a>\n"
    link = f"{file_name}#sha256={hashlib.sha256(wheel).hexdigest()}"
    write(folder / "simple" / name / file_name, wheel)
    write(
        folder / "simple" / name / "index.html",
        page.format(name, link, file_name).encode(),
    )
    write(
        folder / "simple" / "index.html",
        page.format("simple", f"{name}/", name).encode(),
    )


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    top = pathlib.Path(sys.argv[1])
    for channel in CHANNELS:
        write_conda(top / channel, channel)
        write_pip(top / channel, channel)


if __name__ == "__main__":
    main()
