"""one_edited: a file of one image of 1,000 edited, `doit plan`, against a bare doit file with one file edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from benchmarks import project
from benchmarks.measure import Figure, Spent, compare
from benchmarks.world import finished


def run(folder: Path, *, tiny: bool = False) -> Iterator[Figure]:
    for images in (2,) if tiny else (1, 1000):
        with finished(folder / f"edited{images}", images) as world:
            entry = project.image_name(images // 2)
            ours = _edited(world.root / f"images/{entry}/app/main.py", world.ours("plan", codes=(2,)))
            theirs = _edited(world.bare_root / f"files/build_base.{entry}", world.bare())
            name = f"one of {images:,} image{'s' if images > 1 else ''} edited"
            peer = f"bare doit, {world.tasks:,} tasks, runs one"
            note = "`doit plan`: the decision of a run without the build"
            aim = 0.6 if images == 1000 else None
            yield compare(name, peer, ours, theirs, rounds=1 if tiny else 7, aim=aim, note=note)


def _edited(file: Path, command: Callable[[], Spent]) -> Callable[[], Spent]:
    numbers = count()

    def run() -> Spent:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(f"# edit {next(numbers)}\n")
        return command()

    return run
