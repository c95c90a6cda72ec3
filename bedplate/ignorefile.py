"""ignorefile: which paths a `.dockerignore` takes out, decided as Docker decides it (moby/patternmatcher)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bedplate.wildcards import BadPatternError, check, clean

# Go's unicode.IsSpace; Python's str.strip() takes a few control characters more
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def read(text: str | bytes) -> list[str]:
    """The patterns of an ignore file, cleaned, in order (moby/patternmatcher, ignorefile.ReadAll)."""
    return [pattern for pattern, _ in read_lines(text)]


def read_lines(text: str | bytes) -> list[tuple[str, int]]:
    """Each pattern with the line it stands in, from 1."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.startswith("#"):
            continue
        pattern = line.strip(SPACE)
        inverted = pattern.startswith("!")
        if inverted:
            pattern = pattern[1:].strip(SPACE)
        if pattern:
            pattern = clean(pattern)
            if len(pattern) > 1:
                pattern = pattern.removeprefix("/")
        if pattern or inverted:
            found.append(("!" + pattern if inverted else pattern, number))
    return found


class Matcher:
    """Decides paths by patterns; the last pattern that matches a path or one of its parents wins.

    Paths are relative to the context, with forward slashes. `lines`: the patterns' line numbers, for messages.
    `key`: two matchers with the same one decide alike.
    Raises BadPatternError."""

    def __init__(self, patterns: Sequence[str], lines: Sequence[int] = ()) -> None:
        self._rules: list[tuple[str, bool, str]] = []  # pattern without its `!`, negated, expression
        for index, text in enumerate(patterns):
            text = text.strip(SPACE)
            if not text:
                continue
            try:
                self._rules.append(_rule(clean(text)))
            except BadPatternError as error:
                raise BadPatternError(error.pattern, error.why, lines[index] if index < len(lines) else 0) from None
        self._match = re.compile("|".join(self._alternatives()) or "(?!)", re.DOTALL).match
        self.has_exceptions = any(negated for _, negated, _ in self._rules)
        self.key = "\n".join(("!" if negated else "") + pattern for pattern, negated, _ in self._rules)

    def excluded(self, path: str) -> bool:
        """As MatchesOrParentMatches."""
        found = self._match(path)
        return found is not None and bool(found.lastgroup is None)

    def excluded_below(self, folder: str) -> bool:
        """Is all below this folder sure to be excluded? False where it is not known."""
        if not self.excluded(folder):
            return False
        parts = folder.split("/")
        for pattern, negated, _ in self._rules:
            if negated and all(_may_be_equal(p, q) for p, q in _until_double_star(pattern, parts)):
                return False
        # a rule can match a folder without matching what is below it only by being overruled there: no rule is left
        return True

    def deciding(self, path: str) -> str | None:
        """The pattern as written that decides about this path; None if none matches."""
        for pattern, negated, expression in reversed(self._rules):
            if re.compile(expression, re.DOTALL).match(path):
                return "!" + pattern if negated else pattern
        return None

    def _alternatives(self) -> Iterator[str]:
        """Last rule first: the first alternative that matches decides. An exception marks itself by a named group."""
        for index, (_, negated, expression) in enumerate(reversed(self._rules)):
            yield f"(?P<n{index}>{expression})" if negated else expression


def _rule(pattern: str) -> tuple[str, bool, str]:
    negated = pattern.startswith("!")
    if negated:
        pattern = pattern[1:]
        if not pattern:
            raise BadPatternError("!", "an exception without a pattern")
    check(pattern)
    expression = _expression(pattern)
    try:
        re.compile(expression)
    except re.error as error:
        raise BadPatternError(pattern, str(error)) from None
    return pattern, negated, expression


# patternmatcher's Pattern.compile and Pattern.match: three shortcuts beside a regular expression, each with its own
# reading of `**`. A rule holds for a path if it matches the path or a parent: `(?:/|\Z)`.
def _expression(pattern: str) -> str:
    plain = re.compile(r"[^*?\[\]\\]*\Z", re.DOTALL)
    if plain.match(pattern):
        return re.escape(pattern) + r"(?:/|\Z)"
    if pattern.endswith("**") and not pattern.startswith("**") and plain.match(pattern[:-2]):
        return re.escape(pattern[:-2])
    if pattern.startswith("**") and plain.match(pattern[2:]):
        suffix = pattern[2:]
        if suffix.startswith("/"):
            return rf"(?:.*/)?{re.escape(suffix[1:])}(?:/|\Z)"
        return rf".*{re.escape(suffix)}(?:/|\Z)"
    return _go_expression(pattern) + r"(?:/|\Z)"


def _go_expression(pattern: str) -> str:
    """What patternmatcher hands to Go's regexp. It knows nothing of `[...]`: a `*` or `?` in there is a wildcard."""
    out = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*" and pattern[at : at + 1] == "*":
            at += 1
            at += pattern[at : at + 1] == "/"
            out.append("(.*/)?" if at < len(pattern) else ".*")
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char in ".+()|{}$":
            out.append("\\" + char)
        elif char == "\\":
            out.append("\\" + pattern[at])
            at += 1
        else:
            out.append(char)
    return _python_expression("".join(out), pattern)


_ESCAPES = {"a": r"\a", "f": r"\f", "n": r"\n", "r": r"\r", "t": r"\t", "v": r"\v"}
_CLASSES = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}


def _python_expression(go: str, pattern: str) -> str:
    """Go's syntax in Python's: the two differ inside `[...]`, and in what a backslash before a letter means."""
    out = []
    inside = False
    start = 0  # where the members of an open class begin
    at = 0
    while at < len(go):
        char = go[at]
        at += 1
        if char == "\\":
            char = go[at]
            at += 1
            if char in _CLASSES:
                out.append(_CLASSES[char] if inside else f"[{_CLASSES[char]}]")
            elif char in _ESCAPES:
                out.append(_ESCAPES[char])
            elif char.isalnum() or ord(char) > 127:
                raise BadPatternError(pattern, f"\\{char} escapes nothing")
            else:
                out.append(re.escape(char))
        elif inside and char == "]" and at - 1 > start:
            inside = False
            out.append("]")
        elif inside:
            out.append(char if char == "-" else re.escape(char))
        elif char == "[":
            inside = True
            out.append("[")
            if go[at : at + 1] == "^":
                out.append("^")
                at += 1
            start = at
        elif char == "^":
            out.append(r"\A")
        elif char == "." or char in "()*+?|/":
            out.append(r"[^\n]" if char == "." else char)
        else:
            out.append(re.escape(char))
    # a class that its own wildcards opened may not end: Go refuses it
    if inside:
        raise BadPatternError(pattern, "a '[' without its ']'")
    return "".join(out)


def _until_double_star(pattern: str, parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for mine, theirs in zip(pattern.split("/"), parts, strict=False):
        if "**" in mine:
            return
        yield mine, theirs


def _may_be_equal(pattern: str, name: str) -> bool:
    return pattern == name or any(c in pattern for c in "*?[\\^")
