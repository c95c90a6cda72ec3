"""dockerfile.words: `$VAR`, `${VAR:-x}` and quotes in a Dockerfile's words, expanded as BuildKit's shell lexer does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bedplate.frozen import dataclass

SPECIAL = "@*#?-$!0"


@dataclass(frozen=True)
class Expanded:
    """`used`: variables that have a value; `unset`: those asked for that have none."""

    text: str
    words: tuple[str, ...]
    used: frozenset[str]
    unset: frozenset[str]


def expand(text: str, values: Mapping[str, str], escape: str = "\\") -> Expanded:
    """One word of an instruction, and the words it falls into where the instruction takes several.

    Raises ValueError: an open quote or brace, an unknown modifier, `${VAR:?}` without a value."""
    if not _ANYTHING_SPECIAL.search(text):
        return Expanded(text, tuple(text.split()), _NONE, _NONE)
    lexer = _Lexer(text, values, escape)
    try:
        expanded, words = lexer.until("", raw_escapes=False)
    except RecursionError:
        raise ValueError("braces are nested too deeply") from None
    return Expanded(expanded, tuple(words), frozenset(lexer.used), frozenset(lexer.unset))


_ANYTHING_SPECIAL = re.compile(r"""[\\`'"$]""")
_NONE: frozenset[str] = frozenset()


class _Lexer:
    def __init__(self, text: str, values: Mapping[str, str], escape: str) -> None:
        self.text = text
        self.values = values
        self.escape = escape
        self.at = 0
        self.used: set[str] = set()
        self.unset: set[str] = set()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def until(self, stop: str, raw_escapes: bool) -> tuple[str, list[str]]:
        out: list[str] = []
        words = _Words()
        while self.at < len(self.text):
            char = self.next()
            if char == stop:
                return "".join(out), words.all()
            if char == "$":
                value = self.dollar(raw_escapes)
                words.split(value)
                out.append(value)
            elif char in "'\"":
                value = self.single_quoted() if char == "'" else self.double_quoted(raw_escapes)
                words.join(value)
                out.append(value)
            elif char == self.escape:
                value = (char if raw_escapes else "") + self.next()
                words.join(value)
                out.append(value)
            else:
                words.split(char)
                out.append(char)
        if stop:
            raise ValueError(f"a '{stop}' is missing")
        return "".join(out), words.all()

    def single_quoted(self) -> str:
        end = self.text.find("'", self.at)
        if end < 0:
            raise ValueError("a closing ' is missing")
        inner = self.text[self.at : end]
        self.at = end + 1
        return inner

    def double_quoted(self, raw_escapes: bool) -> str:
        out: list[str] = []
        while self.at < len(self.text):
            char = self.next()
            if char == '"':
                return "".join(out)
            if char == "$":
                out.append(self.dollar(raw_escapes))
                continue
            if char == self.escape:
                if raw_escapes:
                    out.append(char)
                if not self.peek():
                    break
                if self.peek() in ('"', "$", self.escape):
                    char = self.next()  # only these can be escaped here; before others the backslash stays
                elif raw_escapes:
                    continue
            out.append(char)
        raise ValueError('a closing " is missing')

    def dollar(self, raw_escapes: bool) -> str:
        if self.peek() != "{":
            name = self.name()
            return (self.value(name) or "") if name else "$"
        self.next()
        if self.peek() in ("", "{", "}", ":"):
            raise ValueError("'${' without a name and its '}'")
        name = self.name()
        modifier = self.next()
        if modifier == "}":
            return self.value(name) or ""
        if modifier == "/":
            return self.replaced(name)
        null_is_unset = modifier == ":"
        if null_is_unset:
            modifier = self.next()
        if not modifier or modifier not in "-+?#%" or (null_is_unset and modifier in "#%"):
            sign = ":" * null_is_unset + modifier
            raise ValueError(f"'${{{name}{sign}' is no modifier that Docker knows" if sign else "a '}' is missing")
        word, _ = self.until("}", raw_escapes=modifier in "#%")
        value = self.value(name)
        missing = value is None or (null_is_unset and value == "")
        if modifier == "-":
            return word if missing else value or ""
        if modifier == "+":
            return "" if missing else word
        if modifier == "?":
            if missing:
                raise ValueError(f"{name}: {word or 'must be set' + ' and not empty' * null_is_unset}")
            return value or ""
        return _trimmed(value or "", word, modifier)

    def replaced(self, name: str) -> str:
        every = self.peek() == "/"
        if every:
            self.next()
        pattern, _ = self.until("/", raw_escapes=True)
        replacement, _ = self.until("}", raw_escapes=True)
        return re.sub(
            _expression(pattern, True), lambda _: replacement, self.value(name) or "", count=0 if every else 1
        )

    def value(self, name: str) -> str | None:
        value = self.values.get(name)
        (self.unset if value is None else self.used).add(name)
        return value

    def name(self) -> str:
        start = self.at
        if self.peek().isdigit():
            while self.peek().isdigit():
                self.at += 1
        elif self.peek() and self.peek() in SPECIAL:
            self.at += 1
        else:
            while self.peek().isalpha() or self.peek().isdigit() or self.peek() == "_":
                self.at += 1
        return self.text[start : self.at]


class _Words:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.open: str | None = None

    def split(self, text: str) -> None:
        """Unquoted: white space ends a word."""
        for char in text:
            if not char.isspace():
                self.join(char)
            elif self.open is not None:
                self.done.append(self.open)
                self.open = None

    def join(self, text: str) -> None:
        """Quoted: white space is part of the word."""
        self.open = (self.open or "") + text

    def all(self) -> list[str]:
        return [*self.done, *([self.open] if self.open else [])]


def _trimmed(value: str, word: str, modifier: str) -> str:
    longest = word.startswith(modifier)
    expression = re.compile(_expression(word[1:] if longest else word, longest))
    if modifier == "#":
        found = expression.match(value)
        return value[found.end() :] if found else value
    starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
    return next((value[:start] for start in starts if expression.fullmatch(value, start)), value)


def _expression(pattern: str, greedy: bool) -> str:
    out = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append(".*" if greedy else ".*?")
        elif char == "?":
            out.append(".")
        elif char == "\\":
            if at == len(pattern):
                raise ValueError("a backslash at the end escapes nothing")
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(char))
    return "".join(out)
