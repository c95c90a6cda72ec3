"""kept_file: a file that saves time and may be lost: it is written by rename, or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """On a disk that is full or read-only nothing is written: what is not kept is looked at again."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()


def out_of_git(folder: Path) -> None:
    """Nothing in this folder is offered to git (gitignore, "DESCRIPTION"); a file of the user's own stays."""
    path = folder / ".gitignore"
    if not path.exists():
        write(path, b"*\n")
