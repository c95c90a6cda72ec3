"""context_sent: the Dockerfile as the builder gets it: parents pinned, mounts for this build added, lines mapped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bedplate.dockerfile_reader import Instruction

if TYPE_CHECKING:
    from bedplate.context import Recipe


def sent(
    recipe: Recipe, *, pins: Mapping[str, str], run_mounts: Sequence[str] = (), stage_lines: Sequence[str] = ()
) -> tuple[str, Mapping[int, int]]:
    """The text, and for each of its lines, from 1, the line of the file on disk.

    pins         reference as `recipe.parents` has it -> the reference to send in its place
    run_mounts   flags for each RUN of the stages that the target needs
    stage_lines  instructions that follow each of their FROMs"""
    lines = list(recipe.dockerfile.source)
    for at, written, pinned in _pinned(recipe, pins):
        _replace(lines, at, written, pinned)
    flags = " ".join(run_mounts)
    needed = {i.line for i in recipe.needed}
    behind: dict[int, Sequence[str]] = {}
    for at in recipe.dockerfile.instructions:
        if at.line in needed and at.keyword == "RUN" and flags:
            line = lines[at.line - 1]
            end = at.column - 1 + len(at.keyword)
            lines[at.line - 1] = f"{line[:end]} {flags}{line[end:]}"
        elif at.line in needed and at.keyword == "FROM":
            behind[at.end_line] = stage_lines
    text: list[str] = []
    origin: dict[int, int] = {}
    for number, line in enumerate(lines, 1):
        for new in (line, *behind.get(number, ())):
            text.append(new)
            origin[len(text)] = number
    return "\n".join(text) + "\n", origin


def _pinned(recipe: Recipe, pins: Mapping[str, str]) -> list[tuple[Instruction, str, str]]:
    found = [(r.at, r.text, pins[r.reference]) for r in recipe.references if r.reference in pins]
    return list({(at.line, written): (at, written, pin) for at, written, pin in found}.values())


def _replace(lines: list[str], at: Instruction, written: str, pinned: str) -> None:
    """Puts the pinned reference where the written one stands: a FROM's first word, or the value of a `from=`."""
    before = r"(?<![^\s=])" if at.keyword == "FROM" else r"(?<=from=)"
    place = re.compile(before + r"""["']?""" + re.escape(written) + r"""["']?(?=[\s,]|\Z)""", re.IGNORECASE)
    for number in range(at.line - 1, at.end_line):
        start = at.column - 1 + len(at.keyword) if number == at.line - 1 else 0
        head, tail = lines[number][:start], lines[number][start:]
        new, count = place.subn(lambda _: pinned, tail, count=1 if at.keyword == "FROM" else 0)
        if count:
            lines[number] = head + new
            if at.keyword == "FROM":
                return
