"""stat_cache: a file's sha256 by its size, times and inode, so that the second look reads no content."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TypeAlias

from bedplate.folder_cache import FolderCache
from bedplate.kept_table import KeptTable

VERSION = "2"
SPARE = 10_000  # files that nothing asked for, which are kept whatever their share is
Stamp: TypeAlias = "tuple[int, int, int, int]"  # size, mtime ns, ctime ns, inode

# A file written again within one tick of the clock keeps its stamp. One whose times are this near to the moment it was
# hashed is hashed again next time (git: "racy" entries). Kernel clocks tick at 100 Hz at least; some file systems know
# whole seconds only, FAT every second one.
TICK_NS = 20_000_000
COARSE_TICK_NS = 2_000_000_000


def stamp(status: os.stat_result) -> Stamp:
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class StatCache:
    """Kept in the file `path`, which is read when first needed; a broken or foreign one counts as empty.

    looked          absolute paths of files, and of folders that were listed, there or not
    looked_folders  those that were looked at as a whole: digest of what stood there, latest time in it, entries"""

    def __init__(self, path: Path) -> None:
        self._known = KeptTable(path, VERSION)
        self._seen: set[str] = set()
        self.hashed = 0  # bytes that were not known
        self.looked: set[str] = set()
        self.looked_folders: dict[str, tuple[str, int, int]] = {}
        self.folders = FolderCache(path.with_name(f"{path.name}.folders"))

    def sha256(self, path: str, of: Stamp) -> str:
        """64 hex digits of the content of the file at this absolute path, whose stamp is `of`. Raises OSError."""
        self._seen.add(path)
        known: tuple[Stamp, str] | None = self._known.get(path)
        if known is not None and known[0] == of:
            return known[1]
        before = time.time_ns()
        digest = hash_file(path)
        self.hashed += of[0]
        if not racy(of, before):
            self._known.put(path, (of, digest))
        return digest

    def save(self, *, part: bool = False) -> None:
        """Writes what was learned, by rename. What nothing asked for is kept, unless it is most of the file.

        `part`: only a part of the project was looked at."""
        self.folders.save()
        self._known.save(None if part else self._seen, SPARE)


def racy(of: Stamp, now: int) -> bool:
    """May a file with this stamp be written again, after this moment, without getting another stamp?"""
    _, mtime, ctime, _ = of
    tick = COARSE_TICK_NS if mtime % 1_000_000_000 == 0 and ctime % 1_000_000_000 == 0 else TICK_NS
    return max(mtime, ctime) > now - tick


def hash_file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
