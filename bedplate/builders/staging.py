"""staging: the files of a build laid out in a folder, for a client program that sends folders."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bedplate.builders.layout import Layout
from bedplate.errors import StepError
from bedplate.stat_cache import stamp
from bedplate.step import BuildRequest, ReadFile

FOLDER_MODE = 0o755


def as_it_is(request: BuildRequest, root: Path) -> Path | None:
    """The context's own folder, where it can be handed over: all in it that is taken has the modes that were hashed."""
    if request.ignore is None or not request.file_set.as_is:
        return None
    folder = root / request.file_set.root
    return folder if all(_mode(f"{folder}/{inner}") == FOLDER_MODE for inner in request.file_set.folders) else None


@contextmanager
def staged(layout: Layout, root: Path, request: BuildRequest) -> Iterator[Path]:
    """A folder with exactly the files of the build, with the modes that were hashed; it is gone afterwards.

    Its path is the same each time: the engine then asks the client for no file that it has from the time before."""
    place = root / ".bedplate" / "contexts"
    place.mkdir(parents=True, exist_ok=True)
    folder = place / request.image
    with open(place / f"{request.image}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two targets may build one image at the same time
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _fill(folder, layout, root / request.file_set.root)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _mode(folder: str) -> int:
    try:
        return os.lstat(folder).st_mode & 0o7777
    except OSError:
        return 0


def _fill(folder: Path, layout: Layout, source: Path) -> None:
    below = folder / layout.below
    modes: dict[Path, int] = {}
    _make(below, folder.parent, modes)
    for name, content in layout.extra.items():
        _make((folder / name).parent, folder, modes)
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644)
    for file in layout.files:
        to = below / file.path
        try:
            _make(to if file.kind == "dir" else to.parent, below, modes)
            if file.kind == "dir":
                modes[to] = file.mode
            elif file.kind == "symlink":
                to.symlink_to((source / file.path).readlink())
                _unchanged(source / file.path, file)
            else:
                _place(source / file.path, to, file)
        except OSError as error:
            raise StepError(f"cannot send {source / file.path}: {error.strerror}") from None
    for path, mode in modes.items():
        path.chmod(mode)


def _make(folder: Path, within: Path, modes: dict[Path, int]) -> None:
    """Makes the folder and those above it, up to `within`, once each."""
    if folder != within and folder not in modes:
        _make(folder.parent, within, modes)
        folder.mkdir()
        modes[folder] = 0o755


def _place(source: Path, to: Path, file: ReadFile) -> None:
    """A copy with the same time: a hard link would change the ctime of the file, and it would be hashed again."""
    shutil.copyfile(source, to)
    _unchanged(source, file)
    shutil.copystat(source, to)
    to.chmod(file.mode)


def _unchanged(source: Path, file: ReadFile) -> None:
    if stamp(source.lstat()) != file.stamp:
        raise StepError(f"{source} was changed while the build began", "run again")
