"""context.large: a context of a great many files, known by one sum for each of its folders."""

from __future__ import annotations

import stat
import time
from collections.abc import Mapping, Sequence

from bedplate import forks
from bedplate.context.disk import (
    FOLDER,
    LARGE,
    folder_part,
    folder_sum,
    parts_by_folder,
    parts_of,
    read_entries,
    read_files,
    seen,
)
from bedplate.context.sources import Chosen
from bedplate.errors import Mistake, StepError
from bedplate.file_set import FileSet, ReadFile, Unlisted
from bedplate.folder_cache import Known
from bedplate.folder_look import Row
from bedplate.stat_cache import StatCache, hash_file, racy

MANY = 500  # files to be hashed, from which on other cores are asked to help
NO_STAMP = (0, 0, 0, 0)


class LargeContext:
    """`root`: the context, relative to the project's. Raises SpecError, and OSError where a folder cannot be read.

    parts  what `parts_of` makes of the file set, whose files are not listed for it
    seen   what `context.disk.seen` says of a set; a folder stands for the files in it, and files that are not taken
           change nothing"""

    def __init__(self, root: str, chosen: Chosen, cache: StatCache) -> None:
        self._root, self._chosen, self._whole, self._cache = root, chosen, chosen.whole, cache
        self._listing = chosen.whole.listing
        self._view = f"{self._listing.root}\0{self._listing.ignore.key}"
        self.warnings: list[Mistake] = []
        single: dict[str, Row | None] = {path: None for path in chosen.paths if not self._covered(path)}
        read = read_files(self._listing, root, single, cache, chosen.mistake)
        self._single = read.file_set.files
        self.warnings += read.warnings
        self._known = self._look()
        for folder, known in self._known.items():
            entries = self._whole.sum(folder).entries
            cache.looked_folders[self._listing.absolute(folder)] = (known.digest, known.newest, entries)
        self.seen: Mapping[str, object] = {**seen(self._single), **{f: k[1:] for f, k in self._known.items()}}
        self.file_set = FileSet(self._root, self._unlisted())
        self.parts: Mapping[str, str] = self._parts() if len(self.file_set.files) > LARGE else parts_of(self.file_set)

    def _unlisted(self) -> Unlisted:
        known = self._known.values()
        alone = FileSet(self._root, self._single)
        return Unlisted(
            length=sum(one.taken for one in known) + len(self._known) - ("" in self._known) + len(self._single),
            size=sum(one.size for one in known) + alone.size,
            as_is=all(one.as_is for one in known) and alone.as_is,
            folders=alone.folders.union(self._known, (folder.rpartition("/")[0] for folder in self._known)),
            read=self._listed,
        )

    def _listed(self) -> Sequence[ReadFile]:
        """Raises StepError where a folder is not any more what it was."""
        found = list(self._single)
        for folder, files in self._read(list(self._known)).items():
            if folder_sum(files) != self._known[folder].content:
                raise StepError(f"{self._root}/{folder}: a file changed while the files were read", "run again")
            found += files
            if folder:
                found.append(ReadFile(folder, "dir", FOLDER, "", 0, NO_STAMP))
        return sorted(found, key=lambda file: file.path)

    def _covered(self, path: str) -> bool:
        if path in self._chosen.folders:
            return True
        return path.rpartition("/")[0] in self._chosen.folders and not self._listing.is_folder(path)

    def _look(self) -> dict[str, Known]:
        known: dict[str, Known] = {}
        new = []
        for folder in self._chosen.folders:
            before = self._cache.folders.known(self._view, folder)
            if before is not None and before.digest == self._whole.sum(folder).digest:
                known[folder] = before
            else:
                new.append(folder)
        began = time.time_ns()
        for folder, files in self._read(new).items():
            newest = max((max(f.stamp[1], f.stamp[2]) for f in files), default=0)
            one = FileSet(folder, files)
            digest, content = self._whole.sum(folder).digest, folder_sum(files)
            known[folder] = Known(digest, newest, len(files), one.size, one.as_is, content)
            if not racy((0, newest, newest, 0), began) and not self.warnings:
                self._cache.folders.keep(self._view, folder, known[folder])
        return known

    def _read(self, folders: Sequence[str]) -> dict[str, list[ReadFile]]:
        """The files of each folder as they are now."""
        rows = {folder: dict(self._whole.again(folder)) for folder in folders}
        hashes = self._hashes(rows)

        def sha256(path: str, _: object) -> str:
            return hashes.get(path) or hash_file(path)  # again, for the error

        found: dict[str, list[ReadFile]] = {}
        for folder, inner in rows.items():
            read = read_entries(self._listing, self._root, inner, sha256, self._chosen.mistake)
            self.warnings += read.warnings
            found[folder] = list(read.file_set.files)
        return found

    def _hashes(self, rows: Mapping[str, Mapping[str, Row]]) -> dict[str, str]:
        """By absolute path; of what cannot be read there is none."""
        began = time.time_ns()
        hashes: dict[str, str] = {}
        new: dict[str, list[str]] = {}
        for folder, inner in rows.items():
            known = self._cache.folders.hashes(self._listing.absolute(folder))
            for path, row in inner.items():
                if not stat.S_ISREG(row[1]):
                    continue
                was, absolute = known.get(row[0]), self._listing.absolute(path)
                if was is not None and was[0] == row[2:]:
                    hashes[absolute] = was[1]
                else:
                    new.setdefault(folder, []).append(absolute)
        todo = [path for paths in new.values() for path in paths]
        made = forks.share(_hashed, todo) if len(todo) > MANY else _hashed(todo)
        hashes.update((path, digest) for path, digest in zip(todo, made, strict=True) if digest)
        for folder in new:
            sure = {
                row[0]: (row[2:], digest)
                for path, row in rows[folder].items()
                if (digest := hashes.get(self._listing.absolute(path))) and not racy(row[2:], began)
            }
            self._cache.folders.keep_hashes(self._listing.absolute(folder), sure)
        return hashes

    def _parts(self) -> dict[str, str]:
        whole = (
            folder_part(folder, known.content, taken=folder != "")
            for folder, known in self._known.items()
            if folder or known.taken
        )
        return {**parts_by_folder(self._single), **dict(whole)}


def _hashed(paths: Sequence[str]) -> list[str]:
    return [_hash(path) for path in paths]


def _hash(path: str) -> str:
    try:
        return hash_file(path)
    except OSError:
        return ""
