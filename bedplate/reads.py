"""reads: what the tasks of one run read from disk, each thing read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bedplate.errors import Mistake, SpecError
from bedplate.fingerprint import Parts
from bedplate.pins import Reference
from bedplate.step import DockerfileFiles, Files, FileSet, Requirements, Task, Tree, Upstream

if TYPE_CHECKING:
    from bedplate.context import Recipe
    from bedplate.stat_cache import StatCache


class Reads:
    """Reads files through the stat cache. `pin` gives the digest of an upstream reference on a platform."""

    def __init__(self, root: Path, cache: StatCache, pin: Callable[[str, str], str]) -> None:
        self.root = root
        self.cache = cache
        self.pin = pin
        self._read: dict[int, tuple[Files, Recipe | FileSet]] = {}

    def parts(self, task: Task) -> Sequence[Parts]:
        """The named parts of all that the task reads, in the order of its `files`. Raises SpecError."""
        return [self._parts(files) for files in task.files]

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
            else:
                known = (files, context.read(files, self.root, self.cache))
            self._read[id(files)] = known
        return known[1]

    def forget(self, task: Task) -> None:
        """The next question looks at the disk again."""
        for files in task.files:
            self._read.pop(id(files), None)

    def warnings(self, task: Task) -> list[Mistake]:
        return [w for files in task.files for w in getattr(self.read(files), "warnings", ())]

    def upstream(self, task: Task) -> Iterator[Reference]:
        """The upstream images that the task's files name, where they stand."""
        for files in task.files:
            if isinstance(files, Upstream):
                yield Reference(files.reference, files.platform, "pipeline.yaml")
            elif isinstance(files, DockerfileFiles):
                for parent in self.recipe(files).parents:
                    if parent.image is None:
                        where = (files.dockerfile, parent.line, parent.column)
                        yield Reference(parent.reference, parent.platform, *where)

    def _parts(self, files: Files) -> Parts:
        from bedplate import context

        if isinstance(files, Upstream):
            return {f"from {files.reference}": self.pin(files.reference, files.platform)}
        read = self.read(files)
        if isinstance(read, FileSet):
            prefix = f"{read.root}/" if len(read.root) > 0 else ""
            parts = ((name.partition(" "), value) for name, value in context.parts_of(read).items())
            return {f"{kind} {prefix}{path}": value for (kind, _, path), value in parts}
        pinned = {f"from {p.reference}": self.pin(p.reference, p.platform) for p in read.parents if p.image is None}
        return {**read.parts, **pinned}


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
