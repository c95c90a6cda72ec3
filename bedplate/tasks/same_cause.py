"""same_cause: what several tasks failed of alike, told once."""

from __future__ import annotations

import re
from collections.abc import Iterable

ASKED = re.compile(r"(?:GET|HEAD|PUT|POST|PATCH|DELETE) \S+: ")
HINT = "  hint: "


def of(text: str) -> str:
    """What failures of one cause have in common: all that is said, but for the address asked where a hint mends it."""
    return ASKED.sub("", text.strip(), count=1) if hint(text) and ASKED.match(text.strip()) else text.strip()


def hint(text: str) -> str:
    """The line that says what to do next; "" where nothing does."""
    return next((line for line in reversed(text.rstrip().splitlines()) if line.startswith(HINT)), "")


def folded(failures: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Of name and text of each failure: the names of each cause with the text of the first, in their order."""
    found: dict[str, tuple[list[str], str]] = {}
    for name, text in failures:
        found.setdefault(of(text), ([], text))[0].append(name)
    return list(found.values())
