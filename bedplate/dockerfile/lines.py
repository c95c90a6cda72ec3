"""dockerfile.lines: a Dockerfile's text as logical lines: continuations joined, comments dropped, heredocs taken up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from bedplate.errors import Mistake
from bedplate.frozen import dataclass
from bedplate.ignorefile import SPACE

DIRECTIVES = ("syntax", "escape", "check")
LONGEST = 65535  # bytes of a line that BuildKit's scanner takes


@dataclass(frozen=True)
class Heredoc:
    """`content`: the lines up to the one that is `name`, with line breaks. `expand`: no part of the name was quoted."""

    name: str
    content: str
    expand: bool
    chomp: bool  # `<<-`: leading tabs of the lines are dropped later
    descriptor: str


@dataclass(frozen=True)
class LogicalLine:
    """`line`, `end_line` count from 1 in the file; a heredoc's lines are part of it. `text` starts at `column`."""

    text: str
    line: int
    column: int
    end_line: int
    heredocs: tuple[Heredoc, ...] = ()


@dataclass(frozen=True)
class Lines:
    directives: dict[str, str]
    escape: str
    lines: list[LogicalLine]
    mistakes: list[Mistake]


def read(source: list[str], path: str, opens: Callable[[LogicalLine, str], list[Heredoc]]) -> Lines:
    """`source`: the file's lines without their `\\n`. `opens` says which heredocs a line begins, given the escape."""
    directives, mistakes = _directives(source, path)
    escape = directives.get("escape", "\\")
    continues = re.compile(rf"(?:(?<={_not(escape)})|\A){re.escape(escape)}[ \t]*\Z")
    lines: list[LogicalLine] = []
    at = 0
    while at < len(source):
        first = source[at].rstrip("\r")
        start = at + 1
        text = first.lstrip(SPACE)
        at += 1
        if not text or text[0] == "#":
            continue
        column = len(first) - len(text) + 1
        text, more = _joined(text, continues)
        while more and at < len(source):
            line = source[at].rstrip("\r")
            at += 1
            stripped = line.lstrip(SPACE)
            if stripped and stripped[0] != "#":
                line, more = _joined(line, continues)
                text += line
        logical = LogicalLine(text, start, column, at)
        if "<<" in text:
            heredocs = []
            for heredoc in opens(logical, escape):
                content, at, ended = _heredoc(source, at, heredoc)
                heredocs.append(replace(heredoc, content=content))
                if not ended:
                    message = f"the heredoc <<{heredoc.name} never ends: no line is '{heredoc.name}' alone"
                    place = max(source[start - 1].find("<<" + "-" * heredoc.chomp + heredoc.name), column - 1) + 1
                    mistakes.append(Mistake(path, start, place, message, source=source[start - 1]))
            logical = replace(logical, heredocs=tuple(heredocs), end_line=at)
        if text.strip(SPACE):
            lines.append(logical)
    for number, line in enumerate(source, 1):
        if len(line) * 4 > LONGEST and len(line.encode("utf-8", "surrogateescape")) > LONGEST:
            mistakes.append(Mistake(path, number, 1, f"a line of more than {LONGEST} bytes: Docker does not read it"))
    return Lines(directives, escape, lines, mistakes)


_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z")


def _directives(source: list[str], path: str) -> tuple[dict[str, str], list[Mistake]]:
    """They stand first: any other line, an empty one or another comment, ends them."""
    found: dict[str, str] = {}
    for number, line in enumerate(source, 1):
        match = _DIRECTIVE.match(line.strip(SPACE))
        if not match or match[1].lower() not in DIRECTIVES:
            break
        name, value = match[1].lower(), match[2]
        if name in found:
            message = f"the directive '{name}' stands here a second time"
            return found, [Mistake(path, number, 1, message, source=line)]
        if name == "escape" and value not in ("\\", "`"):
            message = f"escape can be \\ or `, not {value!r}"
            return found, [Mistake(path, number, line.find(value) + 1, message, source=line)]
        found[name] = value
    return found, []


def _not(char: str) -> str:
    return f"[^{re.escape(char)}]"


def _joined(line: str, continues: re.Pattern[str]) -> tuple[str, bool]:
    match = continues.search(line)
    return (line[: match.start()], True) if match else (line, False)


def _heredoc(source: list[str], at: int, heredoc: Heredoc) -> tuple[str, int, bool]:
    content: list[str] = []
    while at < len(source):
        line = source[at]
        at += 1
        end = line.rstrip("\r")
        if (end.lstrip("\t") if heredoc.chomp else end) == heredoc.name:
            return "".join(content), at, True
        content.append(line + "\n")
    return "".join(content), at, False
