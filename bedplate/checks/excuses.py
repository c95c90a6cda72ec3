"""excuses: the comments that take a finding back: `# bedplate: ignore=CODE reason` and Docker's `# check=skip=CODE`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bedplate.checks.codes import CODES, DOCKER, ERROR, EXPERIMENTAL
from bedplate.checks.finding import Finding
from bedplate.errors import Mistake
from bedplate.frozen import dataclass

_IGNORE = re.compile(r"#\s*bedplate:\s*ignore=([\w,]*)[ \t]*(.*)$")


@dataclass(frozen=True)
class Directive:
    """`# check=skip=A,B;error=true;experimental=C` (docs.docker.com, "Dockerfile reference", check)."""

    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error: bool = False

    @classmethod
    def parse(cls, text: str) -> Directive:
        """Unknown parts are passed over, as Docker does. Names compare without case; `all` stands for every one."""
        found = {}
        for part in text.split(";"):
            key, _, value = part.partition("=")
            found[key.strip().lower()] = value.strip()
        skip, experimental = (
            frozenset(n.strip().lower() for n in found.get(key, "").split(",") if n.strip())
            for key in ("skip", "experimental")
        )
        return cls(skip, experimental, found.get("error", "").lower() in ("1", "t", "true"))

    def apply(self, findings: Sequence[Finding]) -> Iterator[Finding]:
        """Docker's directive speaks of Docker's checks only; CopyIgnoredFile stays where the build would fail."""
        for finding in findings:
            code = finding.code
            if code not in DOCKER or finding.weight == ERROR:
                yield finding
            elif _named(code, self.skip) or (code in EXPERIMENTAL and not _named(code, self.experimental)):
                continue
            else:
                yield replace(finding, severity=ERROR) if self.error else finding


def excused(finding: Finding, lines: Sequence[str]) -> bool:
    """Whether a comment on the finding's line, or right above it or its statement, excuses its code with a reason."""
    at = finding.mistake.line
    places = {at, *_above(at, lines), *_above(finding.begins or at, lines)}
    for number in places:
        found = _IGNORE.search(lines[number - 1]) if 0 < number <= len(lines) else None
        if found and found[2].strip() and finding.code in found[1].split(","):
            return True
    return False


def bad(file: str, lines: Sequence[str]) -> Iterator[Finding]:
    """The comments that excuse nothing: an unknown code, or no reason."""
    for number, line in enumerate(lines, 1):
        found = _IGNORE.search(line) if "bedplate:" in line else None
        if not found:
            continue
        unknown = [code for code in found[1].split(",") if code not in CODES]
        column = found.start() + 1
        if unknown:
            message = f"there is no check '{unknown[0]}'"
            yield Finding("BadIgnore", Mistake(file, number, column, message, _nearest(unknown[0]), line))
        elif not found[2].strip():
            hint = f"write why: # bedplate: ignore={found[1]} REASON"
            yield Finding("BadIgnore", Mistake(file, number, column, "an excuse without its reason", hint, line))


def _above(line: int, lines: Sequence[str]) -> Iterator[int]:
    """The comment lines that stand directly above."""
    number = line - 1
    while 0 < number <= len(lines) and lines[number - 1].lstrip().startswith("#"):
        yield number
        number -= 1


def _named(code: str, names: frozenset[str]) -> bool:
    return code.lower() in names or "all" in names


def _nearest(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, list(CODES), 1, 0.5)
    return f"did you mean '{near[0]}'?" if near else "docs/checks.md lists the codes"
