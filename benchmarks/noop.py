"""noop: `doit` where nothing changed, against a bare doit file with as many tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.measure import Figure, compare
from benchmarks.world import World, finished

AIMS = {1: 1.25, 100: 2.0, 1000: 0.5}
ROUNDS = {1: 21, 100: 15, 1000: 9}


def run(folder: Path, *, tiny: bool = False) -> Iterator[Figure]:
    for images in (1, 2) if tiny else (1, 100, 1000):
        with finished(folder / f"noop{images}", images) as world:
            yield from _figures(world, images, 1 if tiny else ROUNDS[images])


def _figures(world: World, images: int, rounds: int) -> Iterator[Figure]:
    name = f"nothing to do, {images} image{'s' if images > 1 else ''}"
    peer = f"bare doit, {world.tasks:,} tasks"
    note = "the engine is a stand-in, the registry a real one"
    yield compare(name, peer, world.ours(), world.bare(), rounds=rounds, aim=AIMS.get(images), note=note)
    ours, theirs = (median(c.peak() for _ in range(min(rounds, 3))) for c in (world.ours(), world.bare()))
    yield Figure(f"{name}: memory", peer, ours, theirs, "MB", ours / theirs, aim=1.0 if images == 1000 else None)
