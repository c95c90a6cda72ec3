"""context.rewritten: the Dockerfile as the builder gets it: parents pinned, mounts added, lines mapped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bedplate.dockerfile.reader import Instruction

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
    """Puts the pinned reference where the written one stands: a FROM's first word, or the `from=` of a flag."""
    flags, behind = _words(lines, at)
    if at.keyword == "FROM":
        before, places = r"(?<![^\"'])", behind
    else:
        before, places = r"(?<=from=)", flags
    name = re.compile(before + r"""["']?""" + re.escape(written) + r"""["']?(?=["',]|\Z)""")
    for number, start, end in reversed(places):
        line = lines[number]
        lines[number] = line[:start] + name.sub(lambda _: pinned, line[start:end]) + line[end:]


_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\\S|[^\s"'])+""")


def _words(lines: list[str], at: Instruction) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """Where an instruction's flags stand, and the first word behind them: index of the line, start, end."""
    flags: list[tuple[int, int, int]] = []
    for number in range(at.line - 1, at.end_line):
        start = at.column - 1 + len(at.keyword) if number == at.line - 1 else 0
        if number >= at.line and lines[number].lstrip().startswith("#"):
            continue
        for word in _WORD.finditer(lines[number], start):
            if word[0] in ("\\", "`"):
                continue  # the line's end
            place = (number, word.start(), word.end())
            if not word[0].startswith("--"):
                return flags, [place]
            flags.append(place)
    return flags, []
