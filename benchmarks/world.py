"""world: a project of N images and all that a finished run leaves: records, a filled registry, what runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import engine, peer, project, record, registry
from benchmarks.measure import Command, environ

DOIT = str(Path(sys.executable).with_name("doit"))


@dataclass(frozen=True)
class World:
    """`tasks`: how many both have. `ours`, `bare`: `doit` here, and in the bare doit file's folder."""

    root: Path
    bare_root: Path
    tasks: int
    registry_port: int
    environ: Mapping[str, str]

    def ours(self, *words: str, codes: tuple[int, ...] = (0,)) -> Command:
        return Command((DOIT, *words), self.root, self.environ, codes)

    def bare(self, *words: str) -> Command:
        return Command((DOIT, *words), self.bare_root, self.environ)

    def settle(self) -> None:
        """Both run until nothing is left to do; AssertionError if ours would do anything."""
        self.bare()()
        self.bare()()
        before = self._state()
        for _ in range(2):
            self.ours()()
        assert self._state() == before, self.ours().said()
        self.ours("plan", codes=(0,))()

    def _state(self) -> bytes:
        return (self.root / ".bedplate" / "local.jsonl").read_bytes()


@contextmanager
def finished(folder: Path, images: int, *, services: bool = True, empty_engine: bool = False) -> Iterator[World]:
    """`empty_engine`: what was built is in the registry alone."""
    folder.mkdir(parents=True)
    root, bare = folder / "ours", folder / "bare"
    with registry.ours(folder) as port:
        project.write(root, images, port, services=services)
        session = record.seed(root, port)
        outputs = record.recorded(session)
        peer.write(bare, session.tasks)
        # a socket's path has at most about 100 characters
        with engine.stand_in(folder / "engine", session.spec.project, [] if empty_engine else outputs) as address:
            made = World(root, bare, len(session.tasks), port, environ(DOCKER_HOST=address))
            made.settle()
            yield made
