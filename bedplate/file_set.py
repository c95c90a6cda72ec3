"""file_set: the files that a task reads below one folder, each as it was when it was hashed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property

from bedplate.frozen import dataclass


@dataclass(frozen=True)
class ReadFile:
    """One file, folder or link that belongs to a task's inputs."""

    path: str  # relative to FileSet.root, forward slashes
    kind: str  # file | dir | symlink
    mode: int  # permission bits as hashed
    sha256: str  # of the content; of the target's text for a symlink; "" for a folder
    size: int
    stamp: tuple[int, int, int, int]  # size, mtime ns, ctime ns, inode when it was hashed
    as_is: bool = False  # its mode on disk was the one that was hashed


@dataclass(frozen=True)
class FileSet:
    """`files`: sorted by path."""

    root: str  # relative to the project's root
    files: Collection[ReadFile]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.files.size if isinstance(self.files, Unlisted) else sum(file.size for file in self.files)

    @property
    def as_is(self) -> bool:
        """Have all files the modes on disk that were hashed?"""
        if isinstance(self.files, Unlisted):
            return self.files.as_is
        return all(file.as_is for file in self.files if file.kind == "file")

    @property
    def folders(self) -> frozenset[str]:
        """Those that are in the set, and those that its files lie in; the root is ""."""
        if isinstance(self.files, Unlisted):
            return self.files.folders
        return folders(self.files)


@dataclass(frozen=True, eq=False)
class Unlisted:
    """The files of a large context. To list 100,000 takes a second, so it is done when the first one is asked for.

    `read` lists them, sorted; it raises StepError where they are not any more what they were when they were hashed."""

    length: int
    size: int
    as_is: bool
    folders: frozenset[str]
    read: Callable[[], Sequence[ReadFile]]

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[ReadFile]:
        return iter(self._listed)

    def __contains__(self, file: object) -> bool:
        return file in self._listed

    @cached_property
    def _listed(self) -> Sequence[ReadFile]:
        return self.read()


def folders(files: Collection[ReadFile]) -> frozenset[str]:
    return frozenset(("", *(f.path.rpartition("/")[0] for f in files), *(f.path for f in files if f.kind == "dir")))
