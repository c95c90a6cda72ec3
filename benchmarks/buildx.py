"""buildx: a docker client with the buildx plugin and an engine for it: this machine's, or one of a later Debian."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Command, environ
from tests import newer_engine
from tests.azure.judges.programs import CannotInstall
from tests.engines import second_engine


class MissingError(Exception):
    """Why there is none, in one line."""


@contextmanager
def with_engine(folder: Path, *, own: bool) -> Iterator[Mapping[str, str]]:
    """What makes `docker` use it. `own`: an engine that nobody else uses, whose cache may be emptied.

    Raises MissingError."""
    if not own and not Command(("docker", "buildx", "ls"), folder, environ()).fails:
        yield {}
        return
    if os.geteuid() != 0:
        raise MissingError("there is no docker-buildx here, and an engine of its own needs root")
    try:
        programs = newer_engine.folder(newer_engine.TRIXIE)
    except CannotInstall as why:
        raise MissingError(f"a later engine cannot be had here: {why}") from None
    place = folder / "engine-with-buildx"
    place.mkdir()
    with second_engine(place, programs) as engine:
        yield engine.environ
