"""context: the fingerprint of a context of 100,000 files, against `find -printf` and against reading them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks import project
from benchmarks.inside import call, on_cores
from benchmarks.measure import Command, Figure, Skipped, compare, environ

OURS = """
from pathlib import Path
from bedplate import context, fingerprint
from bedplate.stat_cache import StatCache
from bedplate.step import DockerfileFiles
files = DockerfileFiles("context", "Dockerfile", None, {}, {}, "linux/amd64")
"""
FINGERPRINT = """
cache = StatCache(Path("known"))
read = context.read(files, Path.cwd(), cache)
fingerprint.digest(read.parts)
cache.save()
"""
READ_ALL = """
for folder, _, names in os.walk("context"):
    for name in names:
        with open(f"{folder}/{name}", "rb", buffering=0) as file:
            file.read()
"""
PATTERNS = (
    ".git", "**/*.pyc", "**/__pycache__", "**/.DS_Store", "*.log", "build/", "dist", "**/node_modules", "docs/**/*.md",
    "!docs/README.md", "**/*.tmp", "**/.pytest_cache", "d001/d01?", "**/f09[0-5].txt", "*.egg-info", ".venv", "**/*~",
    "d002/**/f00*", "!d002/d000/f001.txt", "**/coverage.xml",
)  # fmt: skip
IGNORE = "from bedplate.ignorefile import Matcher"
DECIDE = """
matcher = Matcher(sys.argv[1:])
taken = []
for folder, folders, names in os.walk("context"):
    below = folder[8:] + "/" if folder != "context" else ""
    taken += [path for name in folders + names if not matcher.excluded(path := below + name)]
"""
PRINTF = r"%p %s %T@ %C@ %i %m\n"


def run(folder: Path, *, tiny: bool = False) -> Iterator[Figure | Skipped]:
    files, rounds = (300, 1) if tiny else (100_000, 5)
    project.tree(folder / "context", files)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /all\n", encoding="utf-8")
    name = f"context of {files:,} files"
    yield from _warm(folder, name, rounds)
    yield from _cold(folder, name, 1 if tiny else 3)
    theirs = call(
        "from docker.utils.build import exclude_paths", f"exclude_paths('context', {[*PATTERNS]!r})", folder=folder
    )
    ours = call(IGNORE, DECIDE, *PATTERNS, folder=folder)
    note = f"{len(PATTERNS)} ignore patterns; a walk of the tree is in it"
    yield compare(
        f"{name}, ignored", "docker-py exclude_paths", ours, theirs, rounds=1 if tiny else 3, aim=0.4, note=note
    )


def _warm(folder: Path, name: str, rounds: int) -> Iterator[Figure | Skipped]:
    find = shutil.which("find")
    if not find or Command((find, "context", "-maxdepth", "0", "-printf", ""), folder, environ()).fails:
        yield Skipped(f"{name}, warm", "there is no `find` with -printf")
        return
    ours, theirs = (
        call(OURS, FINGERPRINT, folder=folder),
        Command((find, "context", "-printf", PRINTF), folder, environ()),
    )
    ours()
    for cores, aim in ((2, 0.75), (1, 1.4)):
        with on_cores(cores) as had:
            label = f"{name}, warm, {cores} core{'s' if cores > 1 else ''}"
            if had:
                yield compare(label, "find -printf", ours, theirs, rounds=rounds, aim=aim)
            else:
                yield Skipped(label, "cores cannot be chosen here")


def _cold(folder: Path, name: str, rounds: int) -> Iterator[Figure]:
    def forget() -> None:
        for cache in folder.glob("known*"):
            cache.unlink()
        _drop(folder / "context")

    ours = call(OURS, FINGERPRINT, folder=folder, prepare=forget)
    theirs = call("", READ_ALL, folder=folder, prepare=forget)
    note = "no stat cache; contents dropped from the system's cache where it lets us"
    yield compare(f"{name}, cold", "reading all in one process", ours, theirs, rounds=rounds, aim=1.5, note=note)


def _drop(root: Path) -> None:
    """Asks the system to forget the contents; it needs no rights, and keeps names and inodes."""
    if not hasattr(os, "posix_fadvise"):
        return
    os.sync()
    for folder, _, names in os.walk(root):
        for name in names:
            handle = os.open(f"{folder}/{name}", os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
