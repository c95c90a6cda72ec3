"""files: code and model as a tar to be unpacked in a container."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bedplate.errors import StepError
from bedplate.step import FileSet, ReadFile

BLOCK = 1024 * 1024
END = bytes(2 * tarfile.BLOCKSIZE)  # of an archive (POSIX.1-1988, ustar)


def tar(root: Path, placed: list[tuple[FileSet, str]]) -> Iterator[bytes]:
    """Each set's files below an absolute folder of the container, in blocks; nothing is held in memory.

    All belongs to root and may be read by everyone: a service seldom runs as who owns the checkout."""
    for files, folder in placed:
        yield _header(folder, tarfile.DIRTYPE, 0o755)
        for file in files.files:
            yield from _entry(root / files.root / file.path, f"{folder}/{file.path}", file)
    yield END


def _entry(source: Path, path: str, file: ReadFile) -> Iterator[bytes]:
    if file.kind == "dir":
        yield _header(path, tarfile.DIRTYPE, 0o755)
        return
    try:
        if file.kind == "symlink":
            yield _header(path, tarfile.SYMTYPE, 0o777, link=str(source.readlink()))
            return
        with open(source, "rb") as content:
            yield _header(path, tarfile.REGTYPE, 0o755 if file.mode & 0o111 else 0o644, size=file.size)
            left = file.size
            while left and (block := content.read(min(BLOCK, left))):
                left -= len(block)
                yield block
            if left or content.read(1):
                raise StepError(f"{source}: it changed while it was copied", "run `doit` again")
            yield bytes(-file.size % tarfile.BLOCKSIZE)
    except OSError as error:
        raise StepError(f"{source}: {error.strerror}: it was there when it was hashed", "run `doit` again") from None


def _header(path: str, kind: bytes, mode: int, size: int = 0, link: str = "") -> bytes:
    header = tarfile.TarInfo(str(PurePosixPath(path.lstrip("/"))))
    header.type, header.mode, header.size, header.linkname = kind, mode, size, link
    return header.tobuf(tarfile.PAX_FORMAT)
