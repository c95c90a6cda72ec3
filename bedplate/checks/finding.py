"""finding: one thing that a check has found, with its code, its severity and the place where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bedplate.checks.codes import CODES, ERROR, PINS, SEVERITIES
from bedplate.errors import Mistake
from bedplate.frozen import dataclass


@dataclass(frozen=True)
class Finding:
    """`begins`: the line on which the statement begins that `mistake` stands in; 0: its own line."""

    code: str
    mistake: Mistake
    begins: int = 0
    severity: str = ""  # "": the code's own

    @property
    def weight(self) -> str:
        return self.severity or CODES[self.code]

    def __str__(self) -> str:
        first, *rest = str(self.mistake).split("\n")
        return "\n".join([f"{first} [{self.code}]", *rest])


def of_mistake(mistake: Mistake, dockerfile: str = "") -> Finding:
    """`dockerfile`: the path of the one that was read; a mistake elsewhere is one of the spec or of its files."""
    return Finding(mistake.code or ("DockerfileMistake" if mistake.file == dockerfile else "SpecMistake"), mistake)


def ordered(findings: list[Finding]) -> list[Finding]:
    """Each once, the gravest first, then as they stand in the files."""
    unique = dict.fromkeys(findings)
    return sorted(
        unique,
        key=lambda f: (SEVERITIES.index(f.weight), f.mistake.file, f.mistake.line, f.mistake.column, f.code),
    )


def under_policy(findings: list[Finding], policy: Mapping[str, object]) -> list[Finding]:
    """What `policy: {pins: ...}` makes of them."""
    pins = policy.get("pins", "warn")
    if pins == "off":
        return [f for f in findings if f.code not in PINS]
    if pins == "require":
        return [replace(f, severity=ERROR) if f.code in PINS else f for f in findings]
    return findings
