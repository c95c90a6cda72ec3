"""verdict: what was asked of an image beside what was found."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bedplate.frozen import dataclass
from bedplate.image_contents import found, running
from bedplate.image_contents.asked import NAMED, Asked
from bedplate.image_contents.found import Found
from bedplate.image_contents.look import Image, UnreadableError
from bedplate.image_contents.versions import within

OS = re.compile(r"(?P<name>[a-z][a-z0-9._-]*|) *(?P<range>(?:[=!<>]=|[<>]).*|)")


@dataclass(frozen=True)
class Verdict:
    """`key`: as it stands under `requires`; `name`: of a package, else "". `found`: in words."""

    key: str
    name: str
    asked: str
    found: str
    met: bool

    @property
    def missing(self) -> bool:
        return self.found == "missing"


def judge(asked: Asked, image: Image) -> list[Verdict]:
    """Raises ValueError for a version that cannot be compared: `python: '>=x'`."""
    return [_verdict(key, wanted, image) for key, wanted in asked.items()]


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Lines of aligned columns."""
    rows = [("requirement", "asked", "found", "")]
    rows += [(title(v), v.asked, v.found, "ok" if v.met else "NO") for v in verdicts]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]]).rstrip() for row in rows]


def title(verdict: Verdict) -> str:
    return f"{verdict.key} {verdict.name}".rstrip()


def _verdict(key_and_name: str, wanted: str, image: Image) -> Verdict:
    key, _, name = key_and_name.partition(" ")
    if key in running.RULES:
        said = [running.RULES[key](one, image) for one in wanted.split(",")]
        words = ", ".join(dict.fromkeys(words for words, met in said if not met)) or said[0][0]
        return Verdict(key, "", wanted, words, all(met for _, met in said))
    try:
        there = found.find(key, name, image)
    except UnreadableError as error:
        return Verdict(key, name, wanted, str(error), False)
    if there is None:
        return Verdict(key, name, wanted, "missing", False)
    try:
        met = _os(wanted, there) if key == "os" else _within(there, wanted)
    except ValueError as error:
        raise ValueError(f"requires.{'.'.join(part for part in (key, name) if part)}: {error}") from None
    return Verdict(key, name, wanted, _words(key, name, there), met)


def _within(there: Found, wanted: str) -> bool:
    return wanted == "*" or bool(there.version) and within(there.version, wanted, there.kind)


def _os(wanted: str, there: Found) -> bool:
    """`ubuntu>=18.04,<24`: a comparison without a name is of the name before it."""
    for clause in wanted.split(","):
        parts = OS.fullmatch(clause.strip())
        if parts is None:
            raise ValueError(f"'{clause.strip()}' is no system and version")
        if parts["name"] not in ("", there.name) or (parts["range"] and not _within(there, parts["range"])):
            return False
    return True


def _words(key: str, name: str, there: Found) -> str:
    version = there.version or "version not told by its files"
    shown = key == "os" or (key in NAMED and "|" in name)
    return f"{there.name} {version}" if shown else version
