"""azureml.ignored: which files of a folder `az ml` leaves out: those that .amlignore, else .gitignore, names there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

FILES = (".amlignore", ".gitignore")  # the first that is there; those of folders below count for nothing


def in_folder(folder: Path) -> Callable[[str], bool]:
    """Says of a file's path in the folder whether it stays here. Patterns are those of gitignore(5)."""
    for name in FILES:
        try:
            text = (folder / name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue
        return matcher(text)
    return lambda path: False


def matcher(text: str) -> Callable[[str], bool]:
    """`text`: of the ignore file. The last pattern that fits a path decides."""
    patterns = list(_patterns(text))

    def ignored(path: str) -> bool:
        return next((out for out, pattern in reversed(patterns) if pattern.match(path)), False)

    return ignored


def _patterns(text: str) -> Iterator[tuple[bool, re.Pattern[str]]]:
    """Whether what fits is left out, and what fits."""
    for line in text.splitlines():
        line = line.rstrip()
        if not line or line.startswith("#"):
            continue
        out = not line.startswith("!")
        line = line if out else line[1:]
        line = line[1:] if line.startswith(("\\!", "\\#")) else line
        if line.strip("/"):
            yield out, re.compile(_regex(line), re.DOTALL)


def _regex(pattern: str) -> str:
    """What is named takes all below it with it; what ends with a slash is a folder, of which only that is sent."""
    below = "/.*" if pattern.endswith("/") else "(?:/.*)?"
    anchored = "/" in pattern.rstrip("/")
    parts = pattern.strip("/").split("/")
    if parts[-1] == "**" and len(parts) > 1:
        parts, below = parts[:-1], "/.*"
    found = "" if anchored else "(?:.*/)?"
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            found += ".*" if last else "(?:.*/)?"
        else:
            found += _segment(part) + ("" if last else "/")
    return f"{found}{below}\\Z"


def _segment(part: str) -> str:
    found, at = "", 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            found += "[^/]*"
        elif char == "?":
            found += "[^/]"
        elif char == "\\" and at < len(part):
            found += re.escape(part[at])
            at += 1
        elif char == "[" and (end := part.find("]", at + 1 + part[at : at + 1].count("!"))) > 0:
            inside = part[at:end].replace("\\", "\\\\")
            found += f"[^{inside[1:]}]" if inside[:1] in ("!", "^") else f"[{inside}]"
            at = end + 1
        else:
            found += re.escape(char)
    return found
