"""context.disk: files on disk as a file set, each with the kind, mode and hash that stand for it everywhere."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from bedplate import links
from bedplate.context.listing import Listing, kind
from bedplate.errors import Mistake, SpecError
from bedplate.file_set import FileSet, ReadFile
from bedplate.folder_look import Row
from bedplate.frozen import dataclass
from bedplate.ignorefile import Matcher
from bedplate.stat_cache import Stamp, StatCache, stamp
from bedplate.step import Tree

# What git keeps of a mode: a checkout of another user, with another umask, is the same.
PLAIN, EXECUTABLE, FOLDER, LINK = 0o644, 0o755, 0o755, 0o777
LARGE = 2_000  # files, folders and links of a set; above it, a folder stands for its files
Place: TypeAlias = "Callable[[str, str], Mistake]"


@dataclass(frozen=True)
class ReadSet:
    file_set: FileSet
    warnings: tuple[Mistake, ...]


def tree(files: Tree, root: Path, cache: StatCache) -> FileSet:
    """All files below a path, links as links, empty folders too; no `__pycache__`, no `*.pyc`. Raises SpecError.

    A path that is a file gives a set of that one file, whose root is the folder it lies in. Where the path itself is a
    link, what it leads to is meant."""
    place = root / files.path
    if not place.exists():
        raise SpecError([Mistake(files.path, 0, 0, "there is no such file or folder", code="MissingFile")])
    if not place.is_dir():
        folder, _, name = files.path.rpartition("/")
        cache.looked.update(links.followed(str(place)))
        status = place.stat()
        entries: dict[str, Row | None] = {name: (name, status.st_mode, *stamp(status))}
        return read_files(Listing(root / folder, Matcher(()), cache.looked), folder or ".", entries, cache).file_set
    listing = Listing(place, Matcher(()), cache.looked)
    left_out = {_inside(path, files.path) for path in files.exclude} - {None}
    ignored_by_az = None
    if files.as_az_sends:
        from bedplate.azureml import ignored

        ignored_by_az = ignored.in_folder(place)
    paths: dict[str, Row | None] = {}
    todo = [""]
    while todo:
        for name, entry in _folder(listing, todo.pop(), files.path):
            path = entry.path[len(listing.root) + 1 :]
            if name == "__pycache__" or name.endswith(".pyc") or path in left_out:
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder:
                todo.append(path)
            if ignored_by_az is None or not (is_folder or ignored_by_az(path)):
                paths[path] = None
    if ignored_by_az:  # what they say decides, whether or not they are sent
        cache.looked.update(listing.absolute(name) for name in ignored.FILES if (place / name).is_file())
    return read_files(listing, files.path, paths, cache).file_set


def _folder(listing: Listing, folder: str, root: str) -> Iterable[tuple[str, os.DirEntry[str]]]:
    try:
        return listing.folder(folder).items()
    except OSError as error:
        path = os.path.normpath(f"{root}/{folder}")
        raise SpecError([Mistake(path, 0, 0, f"it can not be read: {error.strerror}")]) from None


def parts_of(file_set: FileSet) -> Mapping[str, str]:
    """`file src/app.py` -> kind, mode and hash. Paths are relative to the set's root.

    Where there are very many files, `folder src` -> one sum of the files in it, not of those in folders below."""
    if len(file_set.files) > LARGE:
        return parts_by_folder(file_set.files)
    return {f"file {f.path}": _value(f) for f in file_set.files}


def parts_by_folder(files: Iterable[ReadFile]) -> Mapping[str, str]:
    found = list(files)
    taken = {f.path for f in found if f.kind == "dir"}
    inner: dict[str, list[ReadFile]] = {path: [] for path in taken}
    for file in found:
        if file.kind != "dir":
            inner.setdefault(file.path.rpartition("/")[0], []).append(file)
    return dict(folder_part(path, folder_sum(own), taken=path in taken) for path, own in inner.items())


def seen(files: Iterable[ReadFile]) -> Mapping[str, object]:
    """By path: moves when a file is written, even with what it held before; the time of a folder says nothing."""
    return {f.path: f if f.kind != "dir" else f.kind for f in files}


def folder_part(folder: str, content: str, *, taken: bool) -> tuple[str, str]:
    """`taken`: the folder itself is one of the files of the set. `content`: its sum."""
    return f"folder {folder or '.'}", f"dir {content}" if taken else content


def folder_sum(files: Iterable[ReadFile]) -> str:
    """One sum of the names, kinds, modes and hashes of the files in a folder, sorted by name."""
    lines = "".join(f"{f.path.rpartition('/')[2]}\0{_value(f)}\n" for f in files)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def read_files(
    listing: Listing,
    root: str,
    entries: Mapping[str, Row | None],
    cache: StatCache,
    mistake: Place | None = None,
) -> ReadSet:
    """Sorted by path. `entries`: paths, each with what was seen there if it was looked at. Raises SpecError.

    `mistake` places a problem with a path where it is named."""
    cache.looked.update(listing.absolute(path) for path in entries)
    return read_entries(listing, root, entries, cache.sha256, mistake)


def read_entries(
    listing: Listing,
    root: str,
    entries: Mapping[str, Row | None],
    sha256: Callable[[str, Stamp], str],
    mistake: Place | None = None,
) -> ReadSet:
    place = mistake or (lambda path, message: Mistake(os.path.normpath(f"{root}/{path}"), 0, 0, message))
    files: list[ReadFile] = []
    mistakes: list[Mistake] = []
    warnings: list[Mistake] = []
    for path in sorted(entries):
        absolute = listing.absolute(path)
        try:
            mode, was = _seen(absolute, entries[path])
            what = kind(mode)
            if what == "file":
                hashed = EXECUTABLE if mode & 0o100 else PLAIN
                digest = sha256(absolute, was)
                files.append(ReadFile(path, what, hashed, digest, was[0], was, mode & 0o7777 == hashed))
            elif what == "dir":
                files.append(ReadFile(path, what, FOLDER, "", 0, was))
            elif what == "symlink":
                target = os.fsencode(os.readlink(absolute))  # noqa: PTH115  # a Path would change its text
                files.append(ReadFile(path, what, LINK, hashlib.sha256(target).hexdigest(), len(target), was))
            elif what == "socket":
                warning = place(path, f"{path} is a socket: it is left out, as Docker does")
                warnings.append(replace(warning, code="SocketLeftOut"))
            else:
                mistakes.append(place(path, f"{path} is a {what}: it can not be part of an image's files"))
        except OSError as error:
            mistakes.append(place(path, f"{path} can not be read: {error.strerror}"))
    if mistakes:
        raise SpecError(mistakes)
    return ReadSet(FileSet(root, tuple(files)), tuple(warnings))


def _seen(path: str, row: Row | None) -> tuple[int, Stamp]:
    if row is not None:
        return row[1], row[2:]
    status = os.lstat(path)
    return status.st_mode, stamp(status)


def _value(file: ReadFile) -> str:
    return f"{file.kind} {file.mode:o} {file.sha256}".rstrip()


def _inside(path: str, folder: str) -> str | None:
    """`path` relative to `folder`; None if it lies elsewhere. Both are relative to the project's root."""
    relative = os.path.relpath(path, folder)
    return None if relative == os.pardir or relative.startswith("../") else relative
