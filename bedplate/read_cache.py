"""read_cache: what the files of a task came to, for as long as every path that was looked at is as it was."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from bedplate.kept_table import KeptTable
from bedplate.stat_cache import racy

VERSION = 3
SPARE = 100  # entries that nothing asked for, which are kept whatever their share is
Times: TypeAlias = "tuple[int, int, int, int, int]"  # size, mtime ns, ctime ns, inode, mode


class Summary(NamedTuple):
    """`parts`: but for the digests of `upstream`. `upstream`: reference, platform, line and column of each."""

    parts: dict[str, str]
    upstream: tuple[tuple[str, str, int, int], ...]


class ReadCache:
    """Kept in the file `path`; one that is broken, or was `made_by` other code, counts as empty. A path is looked at
    once in the life of this object: it belongs to one look at the project."""

    def __init__(self, path: Path, made_by: str) -> None:
        self._known = KeptTable(path, f"{VERSION} {made_by}")
        self._times: dict[str, Times | None] = {}
        self._used: set[str] = set()

    def summary(self, key: str, looked: set[str]) -> Summary | None:
        """What is known of `key`, if it still holds; `looked` then gets the paths that it depends on."""
        entry = self._known.get(key)
        if entry is None:
            return None
        paths, times, parts, upstream = entry
        if any(self._now(path) != was for path, was in zip(paths, times, strict=True)):
            return None
        self._used.add(key)
        looked.update(paths)
        return Summary(parts, upstream)

    def paths(self, key: str) -> Sequence[str] | None:
        """What the summary of `key` depends on, absolute; None: it does not hold, or nothing is known of it."""
        entry = self._known.get(key) if key in self._used else None
        return entry[0] if entry else None

    def holds(self, key: str) -> bool:
        """Whether every path that the summary of `key` depends on is as it was, looked at anew."""
        entry = self._known.get(key)
        return entry is not None and all(times(path) == was for path, was in zip(entry[0], entry[1], strict=True))

    def keep(self, key: str, summary: Summary, looked: Iterable[str], began_ns: int) -> None:
        """`looked`: absolute, every path that the summary depends on, looked at since `began_ns` and not before.

        Nothing is kept where one is so young that it may change without a trace (git: "racy")."""
        paths = sorted(looked)
        found = [times(path) for path in paths]
        if any(racy((t[0], t[1], t[2], t[3]), began_ns) for t in found if t):
            return
        self._known.put(key, (paths, found, summary.parts, summary.upstream))
        self._used.add(key)

    def save(self, *, part: bool = False) -> None:
        """Writes what was learned, by rename. What nothing asked for is kept, unless it is most of the file.

        `part`: only a part of the project was looked at."""
        self._known.save(None if part else self._used, SPARE)

    def _now(self, path: str) -> Times | None:
        if path not in self._times:
            self._times[path] = times(path)
        return self._times[path]


def times(path: str) -> Times | None:
    """Of a path as it stands there, a link not followed; None where nothing is."""
    try:
        s = os.lstat(path)
    except OSError:
        return None
    return (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_mode)
