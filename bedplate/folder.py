"""folder: a folder of files for people to use, there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

EXECUTABLE = 0o755


def write(folder: Path, texts: Mapping[str, str], copies: Mapping[str, Path] | None = None) -> None:
    """Puts a new folder in the place of the old one. `texts`: by path in the folder; a script (`#!`) can be run.

    `copies`: files to copy, by path in the folder. Raises OSError; then the old folder is as it was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        for name, text in texts.items():
            file = draft / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
            if text.startswith("#!"):
                file.chmod(EXECUTABLE)
        for name, source in (copies or {}).items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            # a link to a folder stays one: what it leads to is in the copy, if it belongs to it
            shutil.copy(source, draft / name, follow_symlinks=source.is_file())
        _swap(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove(folder: Path) -> bool:
    """Whether there was something to remove."""
    if not folder.is_dir():
        return False
    shutil.rmtree(folder)
    return True


def _swap(draft: Path, folder: Path) -> None:
    # a folder that is not empty cannot be renamed over
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if not folder.exists():
        draft.rename(folder)
        return
    folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)
