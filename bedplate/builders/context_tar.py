"""context_tar: a build context as a tar that is the same for the same files: order, owner and times are fixed."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from bedplate.builders.layout import Layout
from bedplate.errors import StepError
from bedplate.stat_cache import stamp
from bedplate.step import ReadFile

# after 1980, which is where a zip file's times begin
EPOCH = 1_700_000_000
CHUNK = 1 << 20

Pieces: TypeAlias = Iterable[bytes]


def stream(layout: Layout, folder: Path) -> Iterator[bytes]:
    """The tar in pieces of about a megabyte. `folder`: where the user's files lie.

    Raises StepError where a file is not the one that was hashed: what is sent is what the fingerprint says."""
    waiting: list[bytes] = []
    size = 0
    for piece in _pieces(layout, folder):
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join([*waiting, bytes(2 * tarfile.BLOCKSIZE)])


def _pieces(layout: Layout, folder: Path) -> Iterator[bytes]:
    if layout.below:
        yield _head(layout.below, tarfile.DIRTYPE, 0o755)
    for name in _folders(layout.extra):
        yield _head(name, tarfile.DIRTYPE, 0o755)
    for name, content in sorted(layout.extra.items()):
        yield _head(name, tarfile.REGTYPE, 0o644, len(content)) + _padded(content)
    for file in layout.files:
        name = f"{layout.below}/{file.path}" if layout.below else file.path
        try:
            yield from _entry(name, folder / file.path, file)
        except OSError as error:
            raise _changed(folder / file.path, f": {error.strerror}") from None


def _entry(name: str, path: Path, file: ReadFile) -> Iterator[bytes]:
    if file.kind == "dir":
        yield _head(name, tarfile.DIRTYPE, file.mode)
    elif file.kind == "symlink":
        yield _head(name, tarfile.SYMTYPE, 0o777, target=str(path.readlink()))
    else:
        with path.open("rb", buffering=0) as opened:
            if stamp(os.fstat(opened.fileno())) != file.stamp:
                raise _changed(path)
            yield _head(name, tarfile.REGTYPE, file.mode, file.size)
            left = file.size
            while left and (piece := opened.read(min(left, CHUNK))):
                left -= len(piece)
                yield piece
            if left or stamp(os.fstat(opened.fileno())) != file.stamp:
                raise _changed(path)
        yield bytes(-file.size % tarfile.BLOCKSIZE)


def _changed(path: Path, why: str = "") -> StepError:
    return StepError(f"{path} was changed while the build began{why}", "run again")


def _head(name: str, kind: bytes, mode: int, size: int = 0, target: str = "") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname, entry.mtime = kind, mode, size, target, EPOCH
    return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % tarfile.BLOCKSIZE)


def _folders(names: Iterable[str]) -> list[str]:
    return sorted({str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."})
