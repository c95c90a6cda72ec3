"""packages: what the package databases of an image say is installed, from their bytes."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Versions: TypeAlias = Mapping[str, str]  # by name; the highest of one name is not looked for, the last one stands

# rpm's tags (rpm, include/rpm/rpmtag.h)
NAME, VERSION, RELEASE, EPOCH = 1000, 1001, 1002, 1003
INT32 = 4


def dpkg(status: bytes) -> Versions:
    """/var/lib/dpkg/status, or a file of status.d: packages that are installed and not only configured (dpkg(1))."""
    found = {}
    for stanza in re.split(r"\n\s*\n", status.decode(errors="replace")):
        fields = dict(re.findall(r"^(Package|Status|Version):[ \t]*(.*?)[ \t]*$", stanza, re.MULTILINE))
        # the files of status.d have no Status; "deinstall ok config-files" is a package that was removed
        if "Package" in fields and fields.get("Status", "install ok installed").split()[-1:] == ["installed"]:
            found[fields["Package"]] = fields.get("Version", "")
    return found


def apk(installed: bytes) -> Versions:
    """/lib/apk/db/installed: a P: and a V: line for each package (apk-tools, doc/apk-v2.5)."""
    found = {}
    for stanza in installed.decode(errors="replace").split("\n\n"):
        fields = dict(line.split(":", 1) for line in stanza.splitlines() if ":" in line[1:2])
        if "P" in fields:
            found[fields["P"]] = fields.get("V", "")
    return found


def rpm(headers: Iterable[bytes]) -> Versions:
    """epoch:version-release, from the headers of rpm_databases. Raises ValueError for one that is cut short."""
    try:
        return dict(_header(blob) for blob in headers)
    except struct.error:
        raise ValueError("has a header that is cut short") from None


def _header(blob: bytes) -> tuple[str, str]:
    """Name and version of a header: counts, an index of (tag, type, offset, count), the values (rpm, docs/format)."""
    entries, size = struct.unpack_from(">II", blob)
    store = 8 + 16 * entries
    if store + size > len(blob):
        raise ValueError("has a header that is cut short")
    values: dict[int, str] = {}
    for number in range(entries):
        tag, kind, offset, _ = struct.unpack_from(">IIII", blob, 8 + 16 * number)
        if tag not in (NAME, VERSION, RELEASE, EPOCH):
            continue
        at = store + offset
        value = struct.unpack_from(">I", blob, at)[0] if kind == INT32 else blob[at : blob.index(b"\0", at)].decode()
        values[tag] = str(value)
    epoch = f"{values[EPOCH]}:" if values.get(EPOCH, "0") != "0" else ""
    return values.get(NAME, ""), f"{epoch}{values.get(VERSION, '')}-{values.get(RELEASE, '')}"


def distributions(names: Iterable[str]) -> Versions:
    """Python packages by normal name, from the entries of a site-packages folder.

    `name-version.dist-info` or `.egg-info` (Recording installed projects, "The .dist-info directory")."""
    found = {}
    for entry in names:
        parts = re.fullmatch(r"(.+?)-([0-9][^-]*)(?:-py[0-9.]+)?\.(?:dist|egg)-info", entry)
        if parts:
            found[normal(parts[1])] = parts[2].replace("_", "-")
    return found


def conda(names: Iterable[str]) -> Versions:
    """Conda packages, from the entries of a conda-meta folder: `name-version-build.json` (conda, "Package naming")."""
    parts = (entry.removesuffix(".json").rsplit("-", 2) for entry in names if entry.endswith(".json"))
    return {part[0].lower(): part[1] for part in parts if len(part) == 3}


def normal(name: str) -> str:
    """`Foo.Bar_baz` -> `foo-bar-baz` (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
