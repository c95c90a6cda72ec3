"""reads: what the tasks of one run read from disk, each thing read once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bedplate.errors import Mistake, SpecError
from bedplate.fingerprint import Parts
from bedplate.pins import Reference
from bedplate.read_cache import ReadCache, Summary
from bedplate.step import DockerfileFiles, Files, FileSet, Requirements, Task, TeamFile, Tree, Upstream

if TYPE_CHECKING:
    from bedplate.context import Recipe
    from bedplate.stat_cache import StatCache
    from bedplate.triggers import Triggers


class Reads:
    """Reads files through the stat cache. `pin` gives the digest of an upstream reference on a platform.

    `known`: what files came to before; only `parts` and `upstream` ask it, so what is built was read in this run.
    `triggers`: the ONBUILD instructions of parent images; without them, none has any."""

    def __init__(
        self,
        root: Path,
        cache: StatCache,
        pin: Callable[[str, str], str],
        known: ReadCache | None = None,
        triggers: Triggers | None = None,
    ) -> None:
        self.root = root
        self.cache = cache
        self.pin = pin
        self._known = known
        self._triggers = triggers
        self._read: dict[int, tuple[Files, Recipe | FileSet]] = {}
        self._summaries: dict[int, tuple[Files, Summary]] = {}
        self._keys: dict[int, str] = {}  # under which `known` has it

    def parts(self, task: Task) -> Sequence[Parts]:
        """The named parts of all that the task reads, in the order of its `files`. Raises SpecError."""
        return [self._parts(files) for files in task.files]

    def parts_now(self, task: Task) -> Sequence[Parts]:
        """As `parts`, from what is on disk now; `file_sets` and `recipe` then are what these parts were made of."""
        for files in task.files:
            if not isinstance(files, Upstream) and not self._holds(files):
                self._forget(files)
                self._summaries[id(files)] = (files, _summary(self.read(files)))
        return self.parts(task)

    def looked(self, files: Files) -> Sequence[str] | None:
        """The absolute paths that were looked at for its `parts` and that it changes with; None: not known."""
        if isinstance(files, Upstream):
            return ()
        return self._known.paths(self._keys.get(id(files), "")) if self._known else None

    def file_sets(self, task: Task) -> tuple[FileSet, ...]:
        return tuple(_file_set(self.read(files)) for files in task.files)

    def recipe(self, files: DockerfileFiles) -> Recipe:
        from bedplate.context import Recipe

        recipe = self.read(files)
        assert isinstance(recipe, Recipe)
        return recipe

    def read(self, files: Files) -> Recipe | FileSet:
        from bedplate import context, requirements

        known = self._read.get(id(files))  # Files hold mappings: not hashable, and each is made once in a run
        if known is None:
            if isinstance(files, Upstream):
                known = (files, FileSet("", ()))
            elif isinstance(files, Tree):
                known = (files, context.tree(files, self.root, self.cache))
            elif isinstance(files, Requirements):
                known = (files, requirements.file_set(files, self.root, self.cache))
            elif isinstance(files, TeamFile):
                from bedplate.azureml import team_files

                known = (files, team_files.file_set(files, self.root, self.cache))
            else:
                known = (files, context.read(files, self.root, self.cache, self._onbuild))
            self._read[id(files)] = known
        return known[1]

    def forget_all(self) -> None:
        self._read.clear()
        self._summaries.clear()
        self._keys.clear()

    def warnings(self, task: Task) -> list[Mistake]:
        return [w for files in task.files for w in getattr(self.read(files), "warnings", ())]

    def upstream(self, task: Task) -> Iterator[Reference]:
        """The upstream images that the task's files name, where they stand."""
        for files in task.files:
            if isinstance(files, Upstream):
                own = task.step == "build_base"
                keys = ("images", task.entry, "reference") if own else ("environments", task.entry, "image")
                yield Reference(files.reference, files.platform, "pipeline.yaml", keys=keys, needed=files.needed)
            elif isinstance(files, DockerfileFiles):
                for text, platform, line, column in self._summary(files).upstream:
                    yield Reference(text, platform, files.dockerfile, line, column)

    def _forget(self, files: Files) -> None:
        for known in (self._read, self._summaries, self._keys):
            known.pop(id(files), None)

    def _holds(self, files: Files) -> bool:
        """Whether it was read in this run, and every path that this depends on is still as it was then."""
        key = self._keys.get(id(files))
        return id(files) in self._read and key is not None and self._known is not None and self._known.holds(key)

    def _onbuild(self, reference: str, platform: str) -> Sequence[str]:
        return self._triggers.of(reference, platform, self.cache.looked) if self._triggers else ()

    def _parts(self, files: Files) -> Parts:
        if isinstance(files, Upstream):
            return {f"from {files.reference}": self.pin(files.reference, files.platform)}
        summary = self._summary(files)
        if not summary.upstream:
            return summary.parts
        pinned = {f"from {text}": self.pin(text, platform) for text, platform, _, _ in summary.upstream}
        return {**summary.parts, **pinned}

    def _summary(self, files: Files) -> Summary:
        made = self._summaries.get(id(files))
        if made is None:
            made = self._summaries[id(files)] = (files, self._found(files))
        return made[1]

    def _found(self, files: Files) -> Summary:
        if self._known is None or id(files) in self._read:
            return _summary(self.read(files))
        key = repr(files) + (self._triggers.key(files) if self._triggers else "")
        self._keys[id(files)] = key
        known = self._known.summary(key, self.cache.looked)
        if known is not None:
            return known
        # what is looked at for these files alone; in the main thread, before any task runs
        all_looked, self.cache.looked = self.cache.looked, set()
        began, folders = time.time_ns(), len(self.cache.looked_folders)
        try:
            summary = _summary(self.read(files))
            if len(self.cache.looked_folders) == folders:  # a large context has a cache of its own
                self._known.keep(key, summary, self.cache.looked, began)
        finally:
            all_looked |= self.cache.looked
            self.cache.looked = all_looked
        return summary


def all_mistakes(tasks: Sequence[Task], reads: Reads) -> None:
    """Reads everything that the tasks read; raises one SpecError with every mistake found."""
    mistakes: list[Mistake] = []
    for task in tasks:
        try:
            reads.parts(task)
        except SpecError as error:
            mistakes += error.mistakes
    if mistakes:
        raise SpecError(list(dict.fromkeys(mistakes)))


def _file_set(read: Recipe | FileSet) -> FileSet:
    return read if isinstance(read, FileSet) else read.file_set


def _summary(read: Recipe | FileSet) -> Summary:
    from bedplate import context

    if isinstance(read, FileSet):
        prefix = f"{read.root}/" if len(read.root) > 0 else ""
        parts = ((name.partition(" "), value) for name, value in context.parts_of(read).items())
        return Summary({f"{kind} {prefix}{path}": value for (kind, _, path), value in parts}, ())
    upstream = ((p.reference, p.platform, p.line, p.column) for p in read.parents if p.image is None)
    return Summary(dict(read.parts), tuple(upstream))
