"""system_packages: what `apt-get install`, `apk add`, `dnf install` and R's `install.packages` take in any version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bedplate.checks.shell_commands import Command


class Kind(NamedTuple):
    """`code`: of the finding. `said`: how the command is called in it. `hint`: what holds a version."""

    code: str
    said: str
    hint: str


APT = Kind(
    "UnpinnedApt",
    "apt-get install",
    "write NAME=VERSION (`apt-cache madison NAME`), or use a dated mirror such as snapshot.debian.org",
)
APK = Kind("UnpinnedApk", "apk add", "write NAME=VERSION (`apk policy NAME`), or NAME~VERSION for any revision of it")
DNF = Kind("UnpinnedDnf", "dnf install", "write NAME-VERSION (`dnf list --showduplicates NAME`)")
R = Kind(
    "UnpinnedR",
    "install.packages",
    "take them from a dated mirror, repos='https://packagemanager.posit.co/cran/YYYY-MM-DD', or use renv",
)

# options that take the next word for their value
APT_VALUES = frozenset(["-t", "--target-release", "--default-release", "-o", "--option", "-c", "--config-file", "-a"])
APK_VALUES = frozenset(
    [
        *("-t", "--virtual", "-X", "--repository", "--repositories-file", "-p", "--root", "--arch"),
        *("--cache-dir", "--keys-dir", "--wait", "--cache-max-age", "--progress-fd"),
    ]
)
DNF_VALUES = frozenset(
    [
        *("-c", "--config", "-x", "--exclude", "--enablerepo", "--disablerepo", "--repo", "--repoid", "--installroot"),
        *("--releasever", "--setopt", "--forcearch", "-d", "-e", "--comment", "--advisory"),
    ]
)
R_CALL = re.compile(r"\binstall\.packages\(\s*(?:c\()?([^)]*)")
DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def unpinned(command: Command) -> tuple[Kind, list[str]] | None:
    """The packages without a version; None for any other command."""
    program = command[0].rpartition("/")[2]
    if program in ("apt-get", "apt"):
        return APT, [p for p in _packages(command, ("install",), APT_VALUES) if _apt(p)]
    if program == "apk":
        return APK, [p for p in _packages(command, ("add",), APK_VALUES) if _apk(p)]
    if program in ("dnf", "yum", "microdnf", "tdnf", "dnf5"):
        return DNF, [p for p in _packages(command, ("install",), DNF_VALUES) if _dnf(p)]
    if program in ("R", "Rscript"):
        return R, list(_r(command))
    return None


def _packages(command: Command, verbs: tuple[str, ...], values: frozenset[str]) -> list[str]:
    """Words behind the verb; none where another verb stands first: `apt-get remove install`."""
    packages: list[str] = []
    words = iter(command[1:])
    verb = False
    for word in words:
        if word in values:
            next(words, "")
        elif word.startswith("-"):
            continue
        elif verb:
            packages.append(word)
        elif word in verbs:
            verb = True
        else:
            return []
    return packages


def _apt(package: str) -> bool:
    return bool(re.fullmatch(r"[a-z0-9][a-z0-9+.:-]+", package)) and not package.endswith((".deb", "-"))


def _apk(package: str) -> bool:
    """`NAME@edge` names a repository, and no version."""
    name = package.partition("@")[0]
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+._-]*", name)) and not package.endswith(".apk")


def _dnf(package: str) -> bool:
    """A number behind a `-` is taken for a version, though it may belong to a name: `gcc-toolset-12`."""
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9+._-]*", package)) and not re.search(r"-[0-9]|\.rpm$", package)


def _r(command: Command) -> Iterator[str]:
    text = " ".join(command[1:])
    if DATED.search(text) or "$" in text:
        return
    for call in R_CALL.finditer(text):
        names = (part.strip() for part in call[1].split(","))
        yield from (name for name in names if re.fullmatch(r"[A-Za-z][A-Za-z0-9.]+", name))
