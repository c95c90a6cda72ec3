"""wildcards: Go's filepath.Match, as Docker applies it to the sources of a COPY, as a regular expression."""

from __future__ import annotations

import posixpath
import re


class BadPatternError(ValueError):
    """A pattern that Docker refuses. `line` counts from 1; 0 where it is not known."""

    def __init__(self, pattern: str, why: str, line: int = 0) -> None:
        super().__init__(f"bad pattern {pattern!r}: {why}")
        self.pattern = pattern
        self.why = why
        self.line = line


def matcher(pattern: str) -> re.Pattern[str]:
    """Matches a whole path as filepath.Match does on Linux: `*` and `?` stop at a slash. Raises BadPatternError."""
    return re.compile(_translate(pattern) + r"\Z", re.DOTALL)


def check(pattern: str) -> None:
    """Raises BadPatternError where filepath.Match would report ErrBadPattern."""
    _translate(pattern)


def has_wildcard(text: str) -> bool:
    """Is there an unescaped `*`, `?` or `[`?"""
    return bool(_WILDCARD.match(text))


def clean(path: str) -> str:
    """Go's path.Clean: no `.`, no `..` but leading ones, no doubled or trailing slash."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


_WILDCARD = re.compile(r"(?:[^\\*?\[]|\\.)*[*?\[]", re.DOTALL)


def _translate(pattern: str) -> str:
    out = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append("[^/]*")
            while pattern[at : at + 1] == "*":
                at += 1  # a run of stars means one: written as one, it cannot backtrack for long
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            text, at = _character_class(pattern, at)
            out.append(text)
        elif char == "\\":
            if at == len(pattern):
                raise BadPatternError(pattern, "a backslash at the end escapes nothing")
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(char))
    return "".join(out)


def _character_class(pattern: str, at: int) -> tuple[str, int]:
    negated = pattern[at : at + 1] == "^"
    at += negated
    ranges = ""
    seen = False
    while not (seen and pattern[at : at + 1] == "]"):
        low, at = _class_member(pattern, at)
        high = low
        if pattern[at : at + 1] == "-":
            high, at = _class_member(pattern, at + 1)
        if low <= high:  # Go takes a range that runs backwards as one that holds nothing
            ranges += f"{re.escape(low)}-{re.escape(high)}"
        seen = True
    if not ranges:
        return ("." if negated else "(?!)"), at + 1
    return f"[{'^' if negated else ''}{ranges}]", at + 1


def _class_member(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at : at + 1]
    if char in ("", "-", "]"):
        raise BadPatternError(pattern, "a '[' without its ']'" if not char else f"{char!r} needs a backslash in [...]")
    if char == "\\":
        at += 1
        char = pattern[at : at + 1]
    if at + 1 >= len(pattern):
        raise BadPatternError(pattern, "a '[' without its ']'")
    return char, at + 1
