"""folder_look: what stands in a folder: names, kinds, times and inodes, as a list or as one digest of it."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from bedplate import forks

Row: TypeAlias = "tuple[str, int, int, int, int, int]"  # name, mode, size, mtime ns, ctime ns, inode

WORTH = 20_000  # entries from which on other processes are a help


class Look(NamedTuple):
    """`folders`: sorted. `rows`: all else, in the file system's order, which stays while a folder stays as it is."""

    folders: list[str]
    rows: list[Row]


class Sum(NamedTuple):
    """`digest`: of all that a Look says. `entries`: how many rows."""

    folders: list[str]
    digest: str
    entries: int


def look(folder: str) -> Look:
    """Raises OSError."""
    folders: list[str] = []
    rows: list[Row] = []
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # by descriptor: no path is walked for an entry
    try:
        for name in os.listdir(handle):  # noqa: PTH208  # a descriptor
            try:
                s = os.stat(name, dir_fd=handle, follow_symlinks=False)
            except FileNotFoundError:
                continue  # it has gone since
            mode = s.st_mode
            if mode & 0o170000 == 0o040000:
                folders.append(name)
            else:
                rows.append((name, mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino))
    except OSError as error:
        raise OSError(error.errno, error.strerror, folder) from None  # not the descriptor's number
    finally:
        os.close(handle)
    return Look(sorted(folders), rows)


def summed(seen: Look) -> Sum:
    # version 2 of marshal writes the same bytes for the same values; later ones do not
    digest = hashlib.blake2b(marshal.dumps((seen.folders, seen.rows), 2), digest_size=32).hexdigest()
    return Sum(seen.folders, digest, len(seen.rows))


def sums(folders: Sequence[str], likely: int) -> list[Sum]:
    """Of each folder; on all cores where there are `likely` many entries to look at. Raises OSError."""
    made = forks.share(_plain, folders) if likely > WORTH else _plain(folders)
    return [Sum(*plain) for plain in made]


def _plain(folders: Sequence[str]) -> list[tuple[list[str], str, int]]:
    return [(s.folders, s.digest, s.entries) for s in (summed(look(folder)) for folder in folders)]
