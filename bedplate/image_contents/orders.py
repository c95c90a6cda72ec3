"""orders: which of two versions comes first, by the rules of Debian, RPM, Alpine and conda: -1, 0 or 1."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TypeVar

APK = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z])?(?P<suffixes>(?:_[a-z]+[0-9]*)*)(?:-r(?P<revision>[0-9]+))?$"
)
T = TypeVar("T", int, str, tuple[int, ...], tuple[int, int], tuple[int, int, str])
APK_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")


def debian(one: str, other: str) -> int:
    """Debian's order: epoch, upstream version, revision (deb-version(7), "Sorting algorithm")."""
    for a, b in zip(_debian_parts(one), _debian_parts(other), strict=True):
        for index, (run_a, run_b) in enumerate(zip_longest(_runs(a), _runs(b), fillvalue="")):
            numeric = index % 2 == 1
            order = _sign(int(run_a or 0), int(run_b or 0)) if numeric else _sign(_letters(run_a), _letters(run_b))
            if order:
                return order
    return 0


def rpm(one: str, other: str) -> int:
    """RPM's order: epoch, version, release; a release that one side lacks is not compared (rpm-version(7))."""
    epochs = [int(epoch) if epoch.isdigit() else 0 for epoch in (_epoch(one)[0], _epoch(other)[0])]
    (version_a, _, release_a), (version_b, _, release_b) = (_epoch(text)[1].partition("-") for text in (one, other))
    order = _sign(epochs[0], epochs[1]) or _rpm_part(version_a, version_b)
    return order or (_rpm_part(release_a, release_b) if release_a and release_b else 0)


def apk(one: str, other: str) -> int:
    """Alpine's order: numbers, letter, suffixes, revision (apk-tools, doc/apk-package.5, "pkgver").

    A text that is no version of theirs is compared as RPM would."""
    a, b = APK.match(one), APK.match(other)
    if not a or not b:
        return _rpm_part(one, other)
    order = _sign(_numbers(a["numbers"]), _numbers(b["numbers"])) or _sign(a["letter"] or "", b["letter"] or "")
    if order:
        return order
    for suffix_a, suffix_b in zip_longest(a["suffixes"].split("_")[1:], b["suffixes"].split("_")[1:], fillvalue=""):
        order = _sign(_apk_suffix(suffix_a), _apk_suffix(suffix_b))
        if order:
            return order
    return _sign(int(a["revision"] or 0), int(b["revision"] or 0))


def conda(one: str, other: str) -> int:
    """conda's order: `dev` first, letters before numbers, `post` last, a missing part is 0 (conda, VersionOrder)."""
    epochs = [int(text.partition("!")[0]) if "!" in text else 0 for text in (one, other)]
    if epochs[0] != epochs[1]:
        return _sign(epochs[0], epochs[1])
    main_a, _, local_a = one.rpartition("!")[2].lower().partition("+")
    main_b, _, local_b = other.rpartition("!")[2].lower().partition("+")
    return _conda_part(main_a, main_b) or _conda_part(local_a, local_b)


def _debian_parts(version: str) -> tuple[str, str, str]:
    epoch, rest = _epoch(version)
    upstream, dash, revision = rest.rpartition("-")
    # "absence of a debian-revision is equivalent to 0"
    return (epoch or "0", upstream, revision) if dash else (epoch or "0", rest, "0")


def _runs(text: str) -> list[str]:
    """Text and digits in turn, text first: `1.2a` -> "", "1", ".", "2", "a"."""
    return re.split(r"([0-9]+)", text)


def _letters(run: str) -> tuple[int, ...]:
    # `~` before the end, the end before letters, letters before the rest
    return (*(-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in run), 0)


def _epoch(version: str) -> tuple[str, str]:
    epoch, colon, rest = version.partition(":")
    return (epoch, rest) if colon else ("", version)


def _rpm_part(one: str, other: str) -> int:
    """rpmvercmp: runs of digits or of letters; `~` comes before the end, `^` after it and before anything else."""
    a, b = (re.findall(r"[0-9]+|[a-zA-Z]+|~|\^", text) for text in (one, other))
    for run_a, run_b in zip_longest(a, b, fillvalue=""):
        order = _sign(_rpm_key(run_a), _rpm_key(run_b))
        if order:
            return order
    return 0


def _rpm_key(run: str) -> tuple[int, int, str]:
    if run.isdigit():
        return 4, int(run), ""
    return {"~": 0, "": 1, "^": 2}.get(run, 3), 0, run


def _apk_suffix(suffix: str) -> tuple[int, int]:
    name = suffix.rstrip("0123456789")
    return APK_SUFFIXES.index(name) if name in APK_SUFFIXES else len(APK_SUFFIXES), int(suffix[len(name) :] or 0)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split("."))


def _conda_part(one: str, other: str) -> int:
    sides = [[_conda_runs(part) for part in re.split(r"[._-]", text)] for text in (one, other)]
    for part_a, part_b in zip_longest(*sides, fillvalue=[]):
        for run_a, run_b in zip_longest(part_a, part_b, fillvalue="0"):
            order = _sign(_conda_key(run_a), _conda_key(run_b))
            if order:
                return order
    return 0


def _conda_runs(part: str) -> list[str]:
    runs = re.findall(r"[0-9]+|[^0-9]+", part)
    # a part that begins with a letter has a 0 before it
    return runs if not runs or runs[0].isdigit() else ["0", *runs]


def _conda_key(run: str) -> tuple[int, int, str]:
    if run.isdigit():
        return 2, int(run), ""
    return {"dev": 0, "post": 3}.get(run, 1), 0, run


def _sign(a: T, b: T) -> int:
    return (a > b) - (a < b)
