"""kept_file: a file that saves time and may be lost: it is written whole and read whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path

SUM = 4  # bytes at the end: crc32 of all before


def write(path: Path, content: bytes) -> None:
    """On a disk that is full or read-only nothing is written: what is not kept is looked at again."""
    _replace(path, content + _sum(content))


def read(path: Path) -> memoryview:
    """What was written. Raises OSError; ValueError where it is damaged: marshal would take any length for granted, and
    a path or a time that is another by one bit for right."""
    content = memoryview(path.read_bytes())
    if _sum(content[:-SUM]) != content[-SUM:]:
        raise ValueError(f"{path}: damaged")
    return content[:-SUM]


def holds(path: Path, content: bytes) -> bool:
    """Whether it can be read and is this."""
    try:
        return read(path) == content
    except (OSError, ValueError):
        return False


def out_of_git(folder: Path) -> None:
    """Nothing in this folder is offered to git (gitignore, "DESCRIPTION"); a file of the user's own stays."""
    path = folder / ".gitignore"
    if not path.exists():
        _replace(path, b"*\n")


def _sum(content: bytes | memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(SUM, "little")


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
