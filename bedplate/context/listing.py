"""context.listing: what stands in a build context once its ignore file has taken out what it names."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from bedplate import links, wildcards
from bedplate.ignorefile import Matcher

MAX_LINKS = 255  # as many as BuildKit follows


class Listing:
    """Reads each folder once. Paths are relative to the context, "" is the context itself.

    `looked` is told every folder that is listed. `hidden` is a folder of our own that no image takes: the state folder,
    where it lies in the context."""

    def __init__(self, root: Path, ignore: Matcher, looked: set[str], hidden: str | None = None) -> None:
        self.root = os.fspath(root)
        self.ignore = ignore
        self.hidden = hidden
        self._looked = looked
        looked.update(links.followed(self.root))
        self._folders: dict[str, dict[str, os.DirEntry[str]]] = {}

    def absolute(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def folder(self, path: str) -> dict[str, os.DirEntry[str]]:
        """The entries of a folder by name, sorted, ignored ones too. Raises OSError."""
        known = self._folders.get(path)
        if known is None:
            self._looked.add(self.absolute(path))
            with os.scandir(self.absolute(path)) as entries:
                known = {e.name: e for e in sorted(entries, key=lambda e: e.name)}
            if self.hidden is not None:
                parent, _, name = self.hidden.rpartition("/")
                if parent == path:
                    known.pop(name, None)
            self._folders[path] = known
        return known

    def entry(self, path: str) -> os.DirEntry[str] | None:
        """What is at this path, without following a link at its end or before."""
        parent, _, name = path.rpartition("/")
        if parent and not self.is_folder(parent):
            return None
        return self.folder(parent).get(name)

    def is_folder(self, path: str) -> bool:
        if not path:
            return True
        entry = self.entry(path)
        return entry is not None and entry.is_dir(follow_symlinks=False)

    def present(self, path: str) -> bool:
        """Is it there for the builder? A folder that the ignore file names is, if anything below it is."""
        entry = self.entry(path) if path else None
        if not path:
            return True
        if entry is None:
            return False
        if not self.ignore.excluded(path):
            return True
        if not entry.is_dir(follow_symlinks=False) or self.ignore.excluded_below(path):
            return False
        return bool(self.below(path))

    def below(self, path: str) -> list[tuple[str, os.DirEntry[str]]]:
        """All that the builder is given below a folder: parents before children, sorted by name at each level."""
        found: list[tuple[str, os.DirEntry[str]]] = []
        self._collect(path, found)
        return found

    def _collect(self, folder: str, found: list[tuple[str, os.DirEntry[str]]]) -> None:
        excluded = self.ignore.excluded
        prefix = f"{folder}/" if folder else ""
        for name, entry in self.folder(folder).items():
            path = prefix + name
            if not entry.is_dir(follow_symlinks=False):
                if not excluded(path):
                    found.append((path, entry))
            elif not excluded(path):
                found.append((path, entry))
                self._collect(path, found)
            elif not self.ignore.excluded_below(path):
                # a folder that is named itself is there as long as an exception leaves something in it
                count = len(found)
                found.append((path, entry))
                self._collect(path, found)
                if len(found) == count + 1:
                    found.pop()

    def resolve(self, path: str) -> tuple[str | None, list[str]]:
        """Where a path leads once every link in it is followed inside the context, and the links on the way.

        None if there is nothing: a link out of the context ends at its root, as BuildKit has it."""
        links: list[str] = []
        todo = [p for p in path.split("/") if p]
        done: list[str] = []
        while todo:
            name = todo.pop(0)
            if name in ("", "."):
                continue
            if name == "..":
                if done:
                    done.pop()
                continue
            here = "/".join([*done, name])
            entry = self.entry(here)
            if entry is None or not self.present(here):
                return None, [*links, here]
            if not entry.is_symlink():
                done.append(name)
                continue
            links.append(here)
            if len(links) > MAX_LINKS:
                return None, links
            target = os.readlink(self.absolute(here))  # noqa: PTH115  # a Path would change its text
            if target.startswith("/"):
                done = []
            todo = target.split("/") + todo
        return "/".join(done), links

    def matching(self, pattern: str) -> list[str]:
        """The paths that a pattern with wildcards means. Raises BadPatternError.

        Links in its fixed first part are followed, those that a wildcard finds are not descended into."""
        fixed, pattern = _split(pattern)
        base, _ = self.resolve(fixed)
        if base is None or not self.is_folder(base):
            return []
        if "[" in pattern or "\\" in pattern:  # either may hold a slash
            whole = wildcards.matcher(pattern)
            return list(self._walk(base, whole, len(base) + 1 if base else 0))
        return list(self._descend(base, [wildcards.matcher(part) for part in pattern.split("/")]))

    def _walk(self, folder: str, pattern: re.Pattern[str], skip: int) -> Iterator[str]:
        for name, entry in self.folder(folder).items():
            path = f"{folder}/{name}" if folder else name
            if pattern.match(path[skip:]):
                if self.present(path):
                    yield path
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(path, pattern, skip)

    def _descend(self, folder: str, patterns: list[re.Pattern[str]]) -> Iterator[str]:
        for name, entry in self.folder(folder).items():
            if patterns[0].match(name):
                path = f"{folder}/{name}" if folder else name
                if len(patterns) == 1:
                    if self.present(path):
                        yield path
                elif entry.is_dir(follow_symlinks=False):
                    yield from self._descend(path, patterns[1:])


def kind(mode: int) -> str:
    """file | dir | symlink, or what else it is, in words."""
    return _KINDS.get(mode & 0o170000, "special file")


_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "named pipe",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}


def _split(pattern: str) -> tuple[str, str]:
    """The components before the first with a wildcard, and the rest."""
    parts = pattern.split("/")
    first = next(i for i, part in enumerate(parts) if wildcards.has_wildcard(part))
    return "/".join(parts[:first]), "/".join(parts[first:])
