"""context_tree: files on disk as a file set, each with the kind, mode and hash that stand for it everywhere."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bedplate.context_listing import Listing, kind
from bedplate.errors import Mistake, SpecError
from bedplate.ignorefile import Matcher
from bedplate.stat_cache import StatCache, stamp
from bedplate.step import FileSet, ReadFile, Tree

# What git keeps of a mode: a checkout of another user, with another umask, is the same.
PLAIN, EXECUTABLE, FOLDER, LINK = 0o644, 0o755, 0o755, 0o777


@dataclass(frozen=True)
class ReadSet:
    file_set: FileSet
    warnings: tuple[Mistake, ...]


def tree(files: Tree, root: Path, cache: StatCache) -> FileSet:
    """All files below a path, links as links, empty folders too; no `__pycache__`, no `*.pyc`. Raises SpecError.

    A path that is a file gives a set of that one file, whose root is the folder it lies in."""
    place = root / files.path
    if not place.exists():
        raise SpecError([Mistake(files.path, 0, 0, "there is no such file or folder")])
    if not place.is_dir():
        folder, _, name = files.path.rpartition("/")
        return read_files(Listing(root / folder, Matcher(()), cache.looked), folder or ".", [name], cache).file_set
    listing = Listing(place, Matcher(()), cache.looked)
    left_out = {_inside(path, files.path) for path in files.exclude} - {None}
    paths = []
    todo = [""]
    while todo:
        for name, entry in _folder(listing, todo.pop(), files.path):
            path = entry.path[len(listing.root) + 1 :]
            if name == "__pycache__" or name.endswith(".pyc") or path in left_out:
                continue
            paths.append(path)
            if entry.is_dir(follow_symlinks=False):
                todo.append(path)
    return read_files(listing, files.path, paths, cache).file_set


def _folder(listing: Listing, folder: str, root: str) -> Iterable[tuple[str, os.DirEntry[str]]]:
    try:
        return listing.folder(folder).items()
    except OSError as error:
        path = os.path.normpath(f"{root}/{folder}")
        raise SpecError([Mistake(path, 0, 0, f"it can not be read: {error.strerror}")]) from None


def parts_of(file_set: FileSet) -> Mapping[str, str]:
    """`file src/app.py` -> kind, mode and hash. Paths are relative to the set's root."""
    return {f"file {f.path}": f"{f.kind} {f.mode:o} {f.sha256}".rstrip() for f in file_set.files}


def read_files(
    listing: Listing,
    root: str,
    paths: Iterable[str],
    cache: StatCache,
    mistake: Callable[[str, str], Mistake] | None = None,
) -> ReadSet:
    """Sorted by path. `mistake` places a problem with a path where it is named. Raises SpecError."""
    place = mistake or (lambda path, message: Mistake(os.path.normpath(f"{root}/{path}"), 0, 0, message))
    files: list[ReadFile] = []
    mistakes: list[Mistake] = []
    warnings: list[Mistake] = []
    for path in sorted(paths):
        absolute = listing.absolute(path)
        cache.looked.add(absolute)
        try:
            status = os.lstat(absolute)
            what = kind(status.st_mode)
            if what == "file":
                mode = EXECUTABLE if status.st_mode & 0o100 else PLAIN
                files.append(
                    ReadFile(path, what, mode, cache.sha256(absolute, stamp(status)), status.st_size, stamp(status))
                )
            elif what == "dir":
                files.append(ReadFile(path, what, FOLDER, "", 0, stamp(status)))
            elif what == "symlink":
                target = os.fsencode(os.readlink(absolute))  # noqa: PTH115  # a Path would change its text
                digest = hashlib.sha256(target).hexdigest()
                files.append(ReadFile(path, what, LINK, digest, len(target), stamp(status)))
            elif what == "socket":
                warnings.append(place(path, f"{path} is a socket: it is left out, as Docker does"))
            else:
                mistakes.append(place(path, f"{path} is a {what}: it can not be part of an image's files"))
        except OSError as error:
            mistakes.append(place(path, f"{path} can not be read: {error.strerror}"))
    if mistakes:
        raise SpecError(mistakes)
    return ReadSet(FileSet(root, tuple(files)), tuple(warnings))


def _inside(path: str, folder: str) -> str | None:
    """`path` relative to `folder`; None if it lies elsewhere. Both are relative to the project's root."""
    relative = os.path.relpath(path, folder)
    return None if relative == os.pardir or relative.startswith("../") else relative
