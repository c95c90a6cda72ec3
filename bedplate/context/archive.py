"""context.archive: a file set as a tar whose bytes depend on the files alone: order, owner and time are fixed."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from bedplate.errors import StepError
from bedplate.stat_cache import stamp
from bedplate.step import FileSet, ReadFile

BLOCK = 512
CHUNK = 1 << 20
# the time of every entry, in seconds: a zip file made of them in a container knows none before 1980
EPOCH = 1_700_000_000
FOLDER_MODE, EXTRA_MODE = 0o755, 0o644
TYPES = {"file": b"0", "dir": b"5", "symlink": b"2"}


def tar(file_set: FileSet, root: Path, extra: Mapping[str, bytes], below: str = "") -> Iterator[bytes]:
    """A pax tar in pieces of about a megabyte, in the order of paths; owner 0. `root`: the project's.

    extra   path from the top -> content of a file that is in no file set
    below   the folder of the tar that the file set lies in; "": its top
    Raises StepError where a file is not the one that was hashed: what is sent is what the fingerprint says."""
    waiting: list[bytes] = []
    size = 0
    for piece in _pieces(file_set, root, extra, below):
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join([*waiting, bytes(2 * BLOCK)])


def content(path: str, entry: ReadFile) -> Iterator[bytes]:
    """Of the file at `path`, in pieces of a megabyte at most. Raises StepError where it is another than was hashed."""
    try:
        with open(path, "rb", buffering=0) as file:
            _same(os.fstat(file.fileno()), entry)
            left = entry.size
            while left and (block := file.read(min(left, CHUNK))):
                left -= len(block)
                yield block
            _same(os.fstat(file.fileno()), entry)
    except OSError as error:
        raise _changed(entry, error.strerror or "") from None
    if left:
        raise _changed(entry, "it became shorter")


def target(path: str, entry: ReadFile) -> str:
    """Of the link at `path`. Raises StepError where it is not the one that was hashed."""
    try:
        _same(os.lstat(path), entry)
        return os.readlink(path)  # noqa: PTH115  # a Path would change its text
    except OSError as error:
        raise _changed(entry, error.strerror or "") from None


def _pieces(file_set: FileSet, root: Path, extra: Mapping[str, bytes], below: str) -> Iterator[bytes]:
    base = os.path.join(root, file_set.root)  # noqa: PTH118  # a Path for each file is slow
    prefix = f"{below}/" if below else ""
    entries: dict[str, ReadFile | bytes | None] = dict.fromkeys(_folders([*extra, prefix + "x"]))
    entries.update({prefix + f.path: f for f in file_set.files})
    entries.update(extra)
    for name in sorted(entries):
        entry = entries[name]
        if entry is None:
            yield _header(name, "dir", FOLDER_MODE, 0)
        elif isinstance(entry, bytes):
            yield _header(name, "file", EXTRA_MODE, len(entry)) + entry + _padding(len(entry))
        elif entry.kind == "file":
            yield _header(name, entry.kind, entry.mode, entry.size)
            yield from content(f"{base}/{entry.path}", entry)
            yield _padding(entry.size)
        elif entry.kind == "symlink":
            yield _header(name, entry.kind, entry.mode, 0, target(f"{base}/{entry.path}", entry))
        else:
            yield _header(name, entry.kind, entry.mode, 0)


def _folders(names: Iterable[str]) -> list[str]:
    return sorted({str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."})


def _header(path: str, kind: str, mode: int, size: int, target: str = "") -> bytes:
    if len(path) < 100 and len(target) <= 100 and size < 1 << 33 and path.isascii() and target.isascii():
        return _plain_header(path, kind, mode, size, target)
    import tarfile  # 8 ms that a no-op does not pay

    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size, info.linkname, info.mtime = TYPES[kind], mode, size, target, EPOCH
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _plain_header(path: str, kind: str, mode: int, size: int, target: str) -> bytes:
    """What tarfile writes where no pax record is needed (POSIX ustar), in a fifth of its time."""
    name = f"{path}/" if kind == "dir" else path
    block = _USTAR.pack(
        *(name.encode(), b"%07o" % mode, b"%07o" % 0, b"%07o" % 0, b"%011o" % size, b"%011o" % EPOCH, b" " * 8),
        *(TYPES[kind], target.encode(), b"ustar\x0000", b"", b"", b"", b""),
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


_USTAR = struct.Struct("100s8s8s8s12s12s8ss100s8s32s32s8s8s167x")


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _same(status: os.stat_result, entry: ReadFile) -> None:
    if stamp(status) != entry.stamp:
        raise _changed(entry)


def _changed(entry: ReadFile, why: str = "") -> StepError:
    return StepError(f"{entry.path} changed while it was read{': ' * bool(why)}{why}", "run again")
