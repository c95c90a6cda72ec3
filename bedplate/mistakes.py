"""mistakes: what is wrong with one file, collected with positions and shown without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bedplate.errors import Mistake

LONGEST_LINE = 160

# what looks like a secret on any line that is shown, also in a file that cannot be read to its end
_SECRET = re.compile(
    r"""(?ix) (?P<key> \b[\w-]*(?:password|passwd|secret|token)[\w-]*["']?\s*[:=]\s*)
        (?P<value> (?![{*\s]|token\b|service_principal\b)[^\s,}][^,}]*)
    | (?<=//) (?P<user> [^/@\s:]*:) (?P<pass> [^/@\s]+) (?=@)"""
)


class Place(Protocol):
    """Where something stands in the file; `line` and `column` count from 1."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


@dataclass
class Mistakes:
    """The mistakes found so far in `text`, which is the content of `file`."""

    file: str
    text: str
    _found: list[tuple[int, int, str, str, str]] = field(default_factory=list)
    _secrets: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, place: Place | None, message: str, hint: str = "", code: str = "") -> None:
        line, column = (place.line, place.column) if place else (0, 0)
        self._found.append((line, column, message, hint, code))

    def hide(self, secret: str) -> None:
        """No mistake of this file will show this text, nor a line of it."""
        self._secrets.update(line.strip() for line in [secret, *secret.splitlines()] if line.strip())

    def all(self) -> list[Mistake]:
        lines = self.text.splitlines() if self._found else []
        return [
            Mistake(self.file, line, column, _printable(said), _printable(self._shown(hint)), _printable(source), code)
            for line, column, message, hint, code in dict.fromkeys(self._found)
            for said, source in [(self._shown(message), self._source(lines, line, column))]
        ]

    def _source(self, lines: list[str], line: int, column: int) -> str:
        if not 0 < line <= len(lines):
            return ""
        source = lines[line - 1]
        # what stands before the caret keeps its width
        before, after = self._shown(source[: column - 1], fill=True), self._shown(source[column - 1 :])
        source = _SECRET.sub(_masked, before + after)
        return source if len(source) <= LONGEST_LINE else source[: max(LONGEST_LINE, column)] + " ..."

    def _shown(self, text: str, *, fill: bool = False) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            # whole words only: a secret of one letter does not blot out every word with it
            whole = re.compile(rf"(?<!\w){re.escape(secret)}(?!\w)")
            text = whole.sub("*" * len(secret) if fill else "***", text)
        return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, else all of them where they are few; "" where there is none."""
    words = list(known)
    near = nearest(word, words)
    if near is not None:
        return f"did you mean '{near}'?"
    if not words:
        return ""
    return "known: " + listed(words) if len(words) <= 12 else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, capitals or not; None: none is like it."""
    from difflib import get_close_matches

    lowered = {w.lower(): w for w in known}
    near = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[near[0]] if near else None


def listed(words: Iterable[str]) -> str:
    """`'a', 'b' and 'c'`."""
    quoted = [f"'{w}'" for w in words]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" and {quoted[-1]}"


def _printable(text: str) -> str:
    """Without what would act on a terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)


def _masked(found: re.Match[str]) -> str:
    return found["key"] + "***" if found["key"] else found["user"] + "***"
