"""same_cause: what several tasks failed of alike, told once."""

from __future__ import annotations

import re
from collections.abc import Iterable

ASKED = re.compile(r"(?:GET|HEAD|PUT|POST|PATCH|DELETE) \S+: ")
# up to the code of the answer: what follows is the other side's own words
ANSWERED = re.compile(rf"(.*?{ASKED.pattern}\d{{3}} \w+): ")
OURS = re.compile(r"; (?:traffic is untouched|the version before|deployment \S+ works).*")
LONG = 160  # characters: two lines on a terminal of 80 columns
HINT = "  hint: "


def of(text: str) -> str:
    """What failures of one cause have in common: all that is said, but for the address asked where a hint mends it."""
    return ASKED.sub("", text.strip(), count=1) if hint(text) and ASKED.match(text.strip()) else text.strip()


def brief(text: str) -> str:
    """Its first line once more, for who has read it above: of a long answer of Azure's or a registry's its code stays.

    What we said of it ourselves, `; traffic is untouched`, stays too."""
    line = text.strip().splitlines()[0]
    found = ANSWERED.match(line)
    if not found or len(line) <= LONG:
        return line
    ours = OURS.search(line)
    return f"{found[1]} (in full above)" + (ours[0] if ours else "")


def hint(text: str) -> str:
    """The line that says what to do next; "" where nothing does."""
    return next((line for line in reversed(text.rstrip().splitlines()) if line.startswith(HINT)), "")


def folded(failures: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Of name and text of each failure: the names of each cause with the text of the first, in their order."""
    found: dict[str, tuple[list[str], str]] = {}
    for name, text in failures:
        found.setdefault(of(text), ([], text))[0].append(name)
    return list(found.values())
