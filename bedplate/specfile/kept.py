"""kept: checked specs on disk, entry by entry, so that a few entries can be had without the rest."""

from __future__ import annotations

import marshal
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from bedplate import kept_file

Entries: TypeAlias = Mapping[str, Collection[str]]  # names by section

SECTIONS = ("images", "environments", "models", "services")  # what most of a large spec is
KEPT = 8  # specs; the oldest go


def read(cache: Path, key: str, only: Entries | None = None) -> dict[str, Any] | None:
    """The checked values of the file that `key` stands for; None: there are none, or the file is broken.

    `only`: all other entries are left out."""
    try:
        of, plain, sections = marshal.loads(kept_file.read(_file(cache, key)))
        if of != key:
            return None
        for section, entries in sections.items():
            wanted = entries if only is None else only.get(section, ())
            plain[section] = {name: marshal.loads(entry) for name, entry in entries.items() if name in wanted}
    except (OSError, ValueError, EOFError, TypeError, AttributeError):
        return None
    found: dict[str, Any] = plain
    return found


def write(cache: Path, key: str, plain: Mapping[str, Any]) -> None:
    """By rename. A disk that cannot be written to costs time, no more."""
    rest = {name: value for name, value in plain.items() if name not in SECTIONS}
    sections = {section: {name: marshal.dumps(e) for name, e in plain[section].items()} for section in SECTIONS}
    kept_file.write(_file(cache, key), marshal.dumps((key, rest, sections)))
    try:
        for old in sorted(cache.glob("spec-*"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _file(cache: Path, key: str) -> Path:
    return cache / f"spec-{key[:16]}"
