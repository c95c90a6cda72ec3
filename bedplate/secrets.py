"""secrets: a text that is used and never shown."""

from __future__ import annotations

from bedplate import hidden


class Secret:
    """A secret text. `str`, `repr` and every format of it are `***`; only `reveal()` gives the text.

    What is written after it was made is written without it (`hidden.without`)."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        hidden.learn(text)

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return "***"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")
