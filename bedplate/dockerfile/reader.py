"""dockerfile.reader: a Dockerfile's text as instructions, read as BuildKit's parser reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property

from bedplate.dockerfile import lines as dockerfile_lines
from bedplate.dockerfile.arguments import (
    BLANKS,
    json_or,
    leading_flags,
    name_value_pairs,
    partition_blank,
    split_words,
)
from bedplate.dockerfile.lines import Heredoc, LogicalLine
from bedplate.dockerfile.words import expand
from bedplate.errors import Mistake, SpecError
from bedplate.frozen import dataclass
from bedplate.ignorefile import SPACE

KEYWORDS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)


@dataclass(frozen=True)
class Instruction:
    """`line`, `column`, `end_line` count from 1. `flags` with their dashes. `words` by keyword:

    ENV, LABEL            name, value, name, value, ... with their quotes
    RUN, CMD, ENTRYPOINT  the shell's text as one word, or the words of the JSON form (`json`)
    HEALTHCHECK           NONE, or CMD and then as for CMD
    ONBUILD               none; the instruction it holds is `inner`
    others                the words, or the one text of WORKDIR, USER, STOPSIGNAL and MAINTAINER"""

    keyword: str  # upper case
    line: int
    column: int
    end_line: int
    flags: tuple[str, ...]
    json: bool
    words: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]
    original: str  # the logical line, continuations joined, without heredocs
    inner: Instruction | None = None

    def flag(self, name: str) -> str | None:
        """The value of `--name=value`, "" for a bare `--name`; None without it. The last one counts."""
        found = [f for f in self.flags if f.partition("=")[0] == f"--{name}"]
        return found[-1].partition("=")[2] if found else None

    def values(self, name: str) -> list[str]:
        """The values of a flag that may stand several times."""
        return [f.partition("=")[2] for f in self.flags if f.partition("=")[0] == f"--{name}"]


@dataclass(frozen=True)
class Dockerfile:
    path: str
    source: tuple[str, ...] = field(repr=False)  # the file's lines
    directives: Mapping[str, str]
    instructions: tuple[Instruction, ...]

    @property
    def escape(self) -> str:
        return self.directives.get("escape", "\\")

    @cached_property
    def has_shell(self) -> bool:
        """Is there a SHELL instruction? Then a shell text may mean anything."""
        return any(i.keyword == "SHELL" for i in self.instructions)

    def mistake(self, at: Instruction, message: str, hint: str = "", word: str = "", code: str = "") -> Mistake:
        """A mistake in an instruction, at the first place where `word` stands in it, else at its keyword."""
        line, column = at.line, at.column
        if word:
            for number in range(at.line, at.end_line + 1):
                known = len(at.keyword) if at.keyword in KEYWORDS else 0
                start = at.column - 1 + known if number == at.line else 0
                found = self.source[number - 1].find(word, start)
                if found >= 0:
                    line, column = number, found + 1
                    break
        if not self.holds(at):
            message += f" (ONBUILD {at.original}, which the image that it starts from brings)"
        return Mistake(self.path, line, column, message, hint, self.source[line - 1], code)

    def holds(self, at: Instruction) -> bool:
        """Is it an instruction of the file itself? A trigger stands at the FROM that brings it."""
        text = self.source[at.line - 1][at.column - 1 :].upper()
        return text.startswith((at.keyword, "ONBUILD")) or at.keyword not in KEYWORDS


def parse(text: str | bytes, path: str) -> Dockerfile:
    """`path` is for messages. Raises SpecError with every mistake found."""
    from bedplate.dockerfile import mistakes as dockerfile_mistakes  # imports this module's nouns

    if isinstance(text, bytes):
        text = _decoded(text, path)
    text = text.removeprefix("\ufeff")
    source = text.split("\n")
    if source[-1] == "":
        source.pop()
    lines = dockerfile_lines.read(source, path, _heredocs)
    mistakes = list(lines.mistakes)
    instructions = []
    for line in lines.lines:
        try:
            instructions.append(instruction(line, lines.escape))
        except (ValueError, RecursionError) as error:  # ONBUILD ONBUILD ...
            mistakes.append(Mistake(path, line.line, line.column, str(error), source=source[line.line - 1]))
    dockerfile = Dockerfile(path, tuple(source), lines.directives, tuple(instructions))
    mistakes += dockerfile_mistakes.find(dockerfile, complete=not mistakes)
    if mistakes:
        raise SpecError(mistakes)
    return dockerfile


def fragment(text: str) -> list[Instruction]:
    """The instructions of a text that is no whole Dockerfile. Raises ValueError."""
    lines = dockerfile_lines.read(text.split("\n"), "", _heredocs)
    if lines.mistakes:
        raise ValueError(lines.mistakes[0].message)
    return [instruction(line, lines.escape) for line in lines.lines]


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise SpecError([Mistake(path, line, 0, message, "save the file as UTF-8")]) from None


def instruction(line: LogicalLine, escape: str) -> Instruction:
    """One logical line. Raises ValueError; an unknown keyword is no error here."""
    text = line.text.strip(SPACE)
    keyword, *rest = BLANKS.split(text, maxsplit=1)
    flags, arguments = leading_flags(rest[0] if rest else "")
    arguments = arguments.strip(SPACE)
    upper = keyword.upper()
    inner = None
    as_json = False
    words: tuple[str, ...]
    if upper in ("ENV", "LABEL"):
        words = name_value_pairs(arguments, upper, escape)
    elif upper == "ARG":
        words = tuple(split_words(arguments, escape))
    elif upper in ("RUN", "CMD", "ENTRYPOINT", "SHELL"):
        words, as_json = json_or(arguments, whole=True)
    elif upper in ("COPY", "ADD", "VOLUME"):
        words, as_json = json_or(arguments, whole=False)
    elif upper in ("FROM", "EXPOSE"):
        words = tuple(BLANKS.split(arguments)) if arguments else ()
    elif upper == "HEALTHCHECK":
        kind, _, command = partition_blank(arguments)
        words, as_json = json_or(command, whole=True)
        words = (kind, *words) if kind else ()
    elif upper == "ONBUILD":
        words = ()
        if arguments:
            inner = instruction(LogicalLine(arguments, line.line, line.column, line.end_line, line.heredocs), escape)
    else:
        words = (arguments,) if arguments else ()
    return Instruction(
        upper, line.line, line.column, line.end_line, tuple(flags), as_json, words, line.heredocs, text, inner
    )


_HEREDOC = re.compile(r"(\d*)<<(-?)([^<]*)\Z")


def _heredocs(line: LogicalLine, escape: str) -> list[Heredoc]:
    read = instruction_or_none(line, escape)
    read = read.inner if read and read.inner else read
    if read is None or read.json or read.keyword not in ("ADD", "COPY", "RUN"):
        return []
    try:
        expand(line.text, dict.fromkeys(re.findall(r"\w+|\W", line.text), "x"))
    except ValueError:
        return []  # a quote or a brace is left open: BuildKit then looks for none
    found = []
    for word in split_words(line.text, "\\"):
        match = _HEREDOC.match(word)
        if match:
            name = re.sub(r"""\\(.)|["']""", r"\1", match[3])
            if name:
                found.append(Heredoc(name, "", name == match[3], bool(match[2]), match[1]))
    return found


def names_heredoc(word: str) -> bool:
    """A source that is no path: its content stands in the lines below. A word of a JSON array has none there, and gives
    an empty file. (BuildKit, instructions/parse.go, parseSourcesAndDest)"""
    match = _HEREDOC.match(word)
    return match is not None and re.search(r"""[^"']""", match[3]) is not None and not BLANKS.search(match[3])


def instruction_or_none(line: LogicalLine, escape: str) -> Instruction | None:
    try:
        return instruction(line, escape)
    except (ValueError, RecursionError):
        return None
