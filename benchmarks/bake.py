"""bake: nothing to do for 50 images, against `docker buildx bake` with all of them in its cache."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import buildx, project
from benchmarks.measure import Command, Figure, Skipped, compare, environ
from benchmarks.world import World, finished


def run(folder: Path, *, tiny: bool = False) -> Iterator[Figure | Skipped]:
    images, rounds = (2, 1) if tiny else (50, 3)
    name = f"nothing to do, {images} images, against bake"
    try:
        with buildx.with_engine(folder, own=False) as peers, finished(folder / "bake", images, services=False) as world:
            bake = _bake(world, images, peers)
            bake()
            try:
                yield compare(name, "docker buildx bake", world.ours(), bake, rounds=rounds, aim=1 / 30)
            finally:
                tags = [f"bedplate-benchmark/{project.image_name(number)}" for number in range(images)]
                subprocess.run(("docker", "rmi", "--force", *tags), capture_output=True, env=bake.environ)
    except buildx.MissingError as why:
        yield Skipped(name, str(why))


def _bake(world: World, images: int, peers: Mapping[str, str]) -> Command:
    targets = {}
    for number in range(images):
        entry = project.image_name(number)
        targets[entry] = {
            "context": f"images/{entry}",
            "args": {"BASE": "scratch"},
            "tags": [f"bedplate-benchmark/{entry}"],
            "output": ["type=docker"],
        }
    file = {"group": {"default": {"targets": list(targets)}}, "target": targets}
    (world.root / "bake.json").write_text(json.dumps(file), encoding="utf-8")
    return Command(("docker", "buildx", "bake", "--file", "bake.json"), world.root, environ(**peers))
