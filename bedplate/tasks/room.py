"""room: what building took on the engine's disk, kept in the record, and held against what is free there now."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bedplate.builders import found
from bedplate.clients.connections import Connections
from bedplate.errors import Mistake, StepError
from bedplate.model import BuiltImage, Environment, LocalBuilder, Output, Registry
from bedplate.state import State
from bedplate.step import Given, Task

if TYPE_CHECKING:
    from bedplate.checks.finding import Finding

LEAST_FREE = 2_000_000_000  # bytes that a small image takes while it is built
SHOWN = 3


def took(given: Given, output: Output, clients: Connections) -> dict[str, int]:
    """Bytes: `image`, as the engine has it with all that it stands on; `context`, the files that the build was sent.

    Empty for what is no image in the engine of this machine."""
    tag = _local_tag(given, output)
    if tag is None or not isinstance(clients.spec.target.builder, LocalBuilder):
        return {}
    if tag in clients.seen.lacking:
        return {}  # found in the registry: the engine is spared the question
    try:
        image = clients.engine.image(tag)
    except StepError:
        return {}  # the image is made; whoever needs the engine next will say that it is gone
    if image is None:
        return {}
    context = sum(files.size for files in given.file_sets)
    return {"image": int(image.get("Size", 0)), "context": context}


def find(tasks: Iterable[Task], state: State, root: Path, clients: Connections | None) -> Iterator[Finding]:
    """`clients`: None where no engine answers; then it is the disk of the project that is looked at."""
    from bedplate.checks.finding import Finding

    folder = _data_root(clients) or root
    free = shutil.disk_usage(folder).free
    each = dict(_own(tasks, state))
    last = sum(each.values())
    if free >= max(last, LEAST_FREE):
        return
    if last > LEAST_FREE:
        largest = sorted(each, key=lambda name: -each[name])[:SHOWN]
        most = ", ".join(f"{name} {_gb(each[name])}" for name in largest)
        message = f"{_gb(free)} are free at {folder}; building all images took {_gb(last)} last time ({most})"
    else:
        message = f"{_gb(free)} are free at {folder}; a small image takes {_gb(LEAST_FREE)} while it is built"
    yield Finding("DiskSpace", Mistake(str(folder), 0, 0, message, "`docker system df` shows what takes the room"))


def _local_tag(given: Given, output: Output) -> str | None:
    if isinstance(output, BuiltImage):
        return output.tag
    if isinstance(output, Environment) and output.kind == "local":
        repository = output.image.rpartition("@")[0]
        return found.local_tag(repository.removeprefix(f"{given.one(Registry).address}/"), output.fingerprint)
    return None


def _own(tasks: Iterable[Task], state: State) -> Iterator[tuple[str, int]]:
    """What each task's image added to those below it, and its context, which the engine's cache keeps a copy of."""
    records = {task.name: _recorded(state, task.name) for task in tasks}
    for task in tasks:
        mine = records[task.name]
        if mine:
            below = max((records[need].get("image", 0) for need in task.needs if need in records), default=0)
            yield task.name, max(mine["image"] - below, 0) + mine["context"]


def _recorded(state: State, name: str) -> Mapping[str, int]:
    record = state.record(name)
    return record.took if record else {}


def _data_root(clients: Connections | None) -> Path | None:
    """Where an engine of this machine keeps its images."""
    if clients is None or not clients.engine.address.startswith("unix:"):
        return None
    try:
        folder = Path(clients.engine.info().get("DockerRootDir") or "")
    except StepError:
        return None
    return folder if folder.is_absolute() and folder.is_dir() else None


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
