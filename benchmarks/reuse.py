"""reuse: a fresh checkout of 50 images that the registry has, against a run with nothing to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Figure, Skipped, Spent, compare
from benchmarks.world import World, finished

MOST_MS = 300.0  # more than the no-op


def run(folder: Path, *, tiny: bool = False) -> Iterator[Figure | Skipped]:
    images, rounds = (2, 1) if tiny else (50, 7)
    with finished(folder / "reuse", images, services=False, empty_engine=True) as world:
        fresh, same = _fresh(world), _settled(world)
        name, peer = f"fresh checkout, {images} images in the registry", "the same with nothing to do"
        note = "the engine is a stand-in that has no image; registry and environments are real"
        figure = compare(name, peer, fresh, same, rounds=rounds, note=note)
        yield figure
        more = figure.ours - (figure.theirs or 0)
        yield Figure(f"{name}: more than the no-op", "", more, None, "ms", None, aim=MOST_MS, aim_in_unit=True)
    yield Skipped(f"{name}, against `--cache-from`", "needs docker-buildx and an engine; 5.5 s for 10 images elsewhere")


def _settled(world: World) -> Callable[[], Spent]:
    """A no-op after one that found nothing to do."""

    def run() -> Spent:
        world.ours()()
        return world.ours()()

    return run


def _fresh(world: World) -> Callable[[], Spent]:
    """`doit` after the state and all caches are gone; AssertionError if anything was built."""

    def run() -> Spent:
        state = world.root / ".bedplate"
        shutil.rmtree(state)
        spent = world.ours()()
        logs = [log.read_text(encoding="utf-8") for log in (state / "logs").rglob("build_base*")]
        assert logs and all("reused" in log for log in logs), logs
        return spent

    return run
