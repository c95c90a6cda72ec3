"""yamlfile.strict: what YAML 1.2 forbids and PyYAML's parsers let through."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from bedplate.mistakes import Mistakes

MOST_SHOWN = 20  # of one kind: each is searched for from the beginning of the text


class Spot(NamedTuple):
    line: int
    column: int


class Long(NamedTuple):
    """A quoted or block scalar of several lines, and the column (from 0) that its lines must reach."""

    event: Any
    floor: int


def suspicious(text: str) -> bool:
    """Whether `spans` are needed to judge this text: most files need none."""
    return "\t" in text or _TIGHT_COMMENT.search(text) is not None


def check_long(long: Sequence[Long], text: str, mistakes: Mistakes) -> None:
    """Lines of a scalar that are indented too little (YAML 1.2.2, 6.9.1 and 8.1.1)."""
    lines = text.splitlines()
    for event, floor in long:
        first, last = event.start_mark.line, event.end_mark.line
        if event.style in ("|", ">"):
            _check_block(event, floor, lines, mistakes)
            continue
        for number in range(first + 1, last + 1):
            line = lines[number]
            indent = len(line) - len(line.lstrip(" "))
            if line.strip() and indent < floor:
                hint = f"indent it with at least {floor} space{'s' * (floor > 1)}"
                mistakes.add(Spot(number + 1, indent + 1), "this line of a quoted text is not indented", hint)
                break


def check_spans(spans: Sequence[tuple[int, int, str]], text: str, mistakes: Mistakes) -> None:
    """Comments without a space before them (6.6), and tabs in indentation (6.1). `spans`: start, end and style of
    every scalar of the text."""
    spots = 0
    for found in _TIGHT_COMMENT.finditer(text):
        if spots > MOST_SHOWN:
            return
        position = found.end() - 1
        if not _inside(position, spans) and not _in_comment(position, text, spans):
            spots += 1
            mistakes.add(_spot(position, text), "a comment needs a space before its '#'", "or quote a '#' that is text")
    for found in _TAB_FIRST.finditer(text):
        if spots > MOST_SHOWN:
            return
        holder = _inside(found.end() - 1, spans)
        if holder is None or holder[2] not in ("|", ">"):
            hint = "indent with spaces"
            spots += 1
            mistakes.add(_spot(found.end() - 1, text), "a tab stands where YAML wants spaces", hint)


def _check_block(event: Any, floor: int, lines: Sequence[str], mistakes: Mistakes) -> None:
    header = lines[event.start_mark.line][event.start_mark.column :]
    if _TIGHT_HEADER.match(header):
        spot = Spot(event.start_mark.line + 1, event.start_mark.column + header.index("#") + 1)
        mistakes.add(spot, "a comment needs a space before its '#'")
    blank = 0
    for line in lines[event.start_mark.line + 1 :]:
        indent = len(line) - len(line.lstrip(" "))
        if line.strip():
            if floor <= indent < blank and not re.match(r"[|>][-+]?[1-9]", header):
                spot = Spot(event.start_mark.line + 1, event.start_mark.column + 1)
                hint = "take the spaces out of the empty lines"
                mistakes.add(spot, "an empty line before the text is indented more than the text", hint)
            return
        blank = max(blank, indent)


def _inside(position: int, spans: Sequence[tuple[int, int, str]]) -> tuple[int, int, str] | None:
    """The scalar that holds this position; scalars stand in the order of the text."""
    number = bisect_right(spans, position, key=lambda span: span[0])
    return spans[number - 1] if number and position < spans[number - 1][1] else None


def _in_comment(position: int, text: str, spans: Sequence[tuple[int, int, str]]) -> bool:
    begin = text.rfind("\n", 0, position) + 1
    return any(
        not _inside(begin + found.end() - 1, spans) for found in re.finditer(r"(^|[ \t])#", text[begin:position])
    )


def _spot(position: int, text: str) -> Spot:
    lines = (text[:position] + "x").splitlines()
    return Spot(len(lines), len(lines[-1]))


_TIGHT_COMMENT = re.compile(r"""[,\[\]{}"']#""")
_TIGHT_HEADER = re.compile(r"[|>][-+0-9]*#")
_TAB_FIRST = re.compile(r"(?m)^ *\t(?=[ \t]*[^ \t\r\n#])")
