"""folder_look: what stands in a folder: names, kinds, times and inodes, as a list or as one digest of it."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from bedplate import forks

Row: TypeAlias = "tuple[str, int, int, int, int, int]"  # name, mode, size, mtime ns, ctime ns, inode

FIELDS = 6
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
    folders, fields = _entries(folder)
    return Look(folders, list(zip(*[iter(fields)] * FIELDS, strict=True)))


def summed(seen: Look) -> Sum:
    return _sum(seen.folders, [field for row in seen.rows for field in row])


def sums(folders: Sequence[str], likely: int) -> list[Sum]:
    """Of each folder; on all cores where there are `likely` many entries to look at. Raises OSError."""
    made = forks.share(_plain, folders) if likely > WORTH else _plain(folders)
    return [Sum(*plain) for plain in made]


def _plain(folders: Sequence[str]) -> list[tuple[list[str], str, int]]:
    return [(s.folders, s.digest, s.entries) for s in (_sum(*_entries(folder)) for folder in folders)]


def _sum(folders: list[str], fields: list[Any]) -> Sum:
    # version 2 of marshal writes the same bytes for the same values; later ones do not
    digest = hashlib.blake2b(marshal.dumps((folders, fields), 2), digest_size=32).hexdigest()
    return Sum(folders, digest, len(fields) // FIELDS)


def _entries(folder: str) -> tuple[list[str], list[Any]]:
    """The folders in it, sorted, and the rows of all else, one after the other: nine tenths of it is `os.stat`, and a
    tuple for each entry would cost more than all else."""
    folders: list[str] = []
    fields: list[Any] = []  # Any: the fields of a Row
    stat, add = os.stat, fields.extend
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # by descriptor: no path is walked for an entry
    try:
        for name in os.listdir(handle):  # noqa: PTH208  # a descriptor
            try:
                s = stat(name, dir_fd=handle, follow_symlinks=False)
            except FileNotFoundError:
                continue  # it has gone since
            mode = s.st_mode
            if mode & 0o170000 == 0o040000:
                folders.append(name)
            else:
                add((name, mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino))
    except OSError as error:
        raise OSError(error.errno, error.strerror, folder) from None  # not the descriptor's number
    finally:
        os.close(handle)
    return sorted(folders), fields
