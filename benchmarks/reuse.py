"""reuse: a fresh checkout of 50 images that the registry has, against a run with nothing to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import buildx, project
from benchmarks.measure import Command, Figure, Skipped, Spent, compare, environ
from benchmarks.world import World, finished

MOST_MS = 300.0  # more than the no-op
EMPTY = "docker image prune --all --force && docker builder prune --all --force"


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
        yield from _against_cache_from(folder, world, images, name, fresh, tiny)


def _against_cache_from(
    folder: Path, world: World, images: int, name: str, fresh: Callable[[], Spent], tiny: bool
) -> Iterator[Figure | Skipped]:
    name, peer = f"{name}, against --cache-from", "docker buildx build --cache-from, one image after the other"
    note = "the peer's engine is a real one whose cache is emptied each time; its images carry their cache inline"
    try:
        with buildx.with_engine(folder, own=True) as peers:
            names = " ".join(project.image_name(number) for number in range(images))
            below = f"127.0.0.1:{world.registry_port}/peer"
            build = "docker buildx build --quiet --build-arg BASE=scratch"

            def each(words: str) -> Command:
                loop = f"set -e; for i in {names}; do {words}; done"
                return Command(("sh", "-c", loop), world.root, environ(**peers))

            each(f"{build} --cache-to type=inline --tag {below}/$i images/$i; docker push --quiet {below}/$i")()
            cached = each(f"{build} --cache-from type=registry,ref={below}/$i --tag {below}/$i images/$i")
            prune = Command(("sh", "-c", EMPTY), world.root, environ(**peers))

            def theirs() -> Spent:
                prune()
                return cached()

            yield compare(name, peer, fresh, theirs, rounds=1 if tiny else 3, aim=1 / 50, note=note)
    except buildx.MissingError as why:
        yield Skipped(name, str(why))


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
