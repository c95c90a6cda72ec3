"""session: one command's view of the project: its spec, its tasks, what is recorded, what must run and why."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import steps
from bedplate import links, outputs, own_code, plan, specfile, stale
from bedplate.log import Log
from bedplate.model import (
    AcrRegistry,
    GenericRegistry,
    LocalRegistry,
    Output,
    Spec,
    Target,
)
from bedplate.pins import Pins
from bedplate.questions import Answers
from bedplate.read_cache import ReadCache
from bedplate.reads import Reads, all_mistakes
from bedplate.stale import Verdict
from bedplate.stat_cache import StatCache
from bedplate.state import Record, State
from bedplate.step import Files, Step, Task
from bedplate.tasks.console import Silent
from bedplate.tasks.locking import Upstreams
from bedplate.tasks.world import World
from bedplate.triggers import Triggers

if TYPE_CHECKING:
    from bedplate.clients.connections import Connections

FOLDER = ".bedplate"
WORTH_KEEPING = 10_000_000  # bytes that take longer to hash again than the caches of a large project take to write


class Part(NamedTuple):
    """Of a project that is looked at in part."""

    spec: Spec  # as if it had no other entries
    tasks: int  # of the whole spec
    said: Answers  # what is known to be answered
    serving: Mapping[str, str]  # as World.lines has it, of all services when all was looked at


class Session:
    """Opened for the project in `root`; `target` None takes the spec's first. Raises SpecError.

    `exist` False: where nothing else is wrong, a file that the spec names need not be there. `part`: what is known of a
    project of which only a part is looked at."""

    def __init__(self, root: Path, target: str | None, *, exist: bool = True, part: Part | None = None) -> None:
        self.began_ns = time.time_ns()
        self.root = root
        self.folder = root / FOLDER
        self._named: set[str] = set()
        self.part = part
        self.spec: Spec = (
            part.spec
            if part
            else specfile.load(root / "pipeline.yaml", target, self.folder / "cache", self._named if exist else None)
        )
        self.said: Answers = part.said if part else {}
        self.seen_serving: Mapping[str, str] = part.serving if part else {}
        self.state_path = self.folder / f"{self.spec.target.name}.jsonl"
        self.cache = StatCache(self.folder / "cache" / "files")
        self.pins = Pins(root)
        self.known = ReadCache(self.folder / "cache" / "reads", f"{own_code.identity()} {root}")
        self.triggers = Triggers(root, self.folder / "cache" / "onbuild", self.pins, self._files_of)
        self.reads = Reads(root, self.cache, self.pins.digest, self.known, self.triggers)
        self.again = False  # `doit -a`: what is there already is made once more
        self._outputs: dict[str, tuple[Mapping[str, Any], Output]] = {}  # each with the record that it was made of
        self._shared: dict[str, Any] = {"unpinned": self.pins.unknown}  # what all tasks of a run use

    @cached_property
    def state(self) -> State:
        return State(self.state_path)

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        return steps.load()

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        return plan.plan(self.spec, self.steps)

    @property
    def count(self) -> int:
        """How many tasks the whole spec has."""
        return self.part.tasks if self.part else len(self.tasks)

    @cached_property
    def by_name(self) -> dict[str, Task]:
        return {task.name: task for task in self.tasks}

    @cached_property
    def upstreams(self) -> Upstreams:
        return Upstreams(self)

    @cached_property
    def world(self) -> World:
        return World(self)

    def record(self, name: str) -> Record | None:
        return self.state.record(name)

    def output(self, name: str) -> Output | None:
        """What the last good run of this task made; None if there was none, or an other version wrote it."""
        record = self.record(name)
        if record is None:
            return None
        known = self._outputs.get(name)
        if known is None or known[0] is not record.output:
            try:
                known = (record.output, outputs.from_json(record.output))
            except (KeyError, TypeError):
                return None
            self._outputs[name] = known
        return known[1]

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on every task before any runs, in plan order."""
        all_mistakes(self.tasks, self.reads)
        verdicts = stale.survey(self.tasks, self.record, self.reads.parts, self.world.absent)
        if self.part is None or self.cache.hashed > WORTH_KEEPING:
            self.cache.save(part=self.part is not None)
            self.known.save(part=self.part is not None)
        return verdicts

    @property
    def dirty(self) -> list[str]:
        return [name for name, verdict in self.verdicts.items() if not verdict.fresh]

    def judge(self, task: Task) -> Verdict:
        """The verdict on a task whose upstream tasks have run, with what is on disk now."""
        identities = {need: self._identity(need) for need in task.needs}
        absent = self.world.absent.get(task.name)
        return stale.judge(task, self.reads.parts_now(task), identities, self.record(task.name), absent)

    def clients(self, log: Log) -> Connections:
        from bedplate.clients.connections import Connections

        return Connections(self.root, self.spec, log, self.reads, self.again, self._shared)

    def warnings(self, names: set[str]) -> list[str]:
        """What the files of the tasks that run give to say, a line each. Raises SpecError: refused by the policy."""
        running = names if self.again else names.intersection(self.dirty)
        if not running:
            return []
        from bedplate.tasks import run_warnings

        return run_warnings.lines(self, running)

    def lock(self) -> None:
        """Holds the target's state for this process, until it ends; waits, saying so, for another that holds it."""
        import fcntl

        self.folder.mkdir(exist_ok=True)
        self._lock = open(self.state_path.with_suffix(".lock"), "a")  # noqa: SIM115  # held until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"another doit works on target '{self.spec.target.name}' here: waiting for it to end\n")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def unlock(self) -> None:
        self._lock.close()

    def log_path(self, name: str) -> Path:
        return self._logs / (name.replace(":", ".") + ".log")

    @cached_property
    def _logs(self) -> Path:
        return self.folder / "logs" / self.spec.target.name

    @property
    def config(self) -> dict[str, Any]:
        """doit's settings for this target."""
        return {"dep_file": str(self.state_path), "num_process": self.spec.target.builder.parallel}

    @property
    def looked(self) -> set[str]:
        """Every path whose change could change a verdict: files read, folders listed, absolute."""
        return self.cache.looked | self._named | self.of_all | {str(self.state_path)}

    @property
    def of_all(self) -> set[str]:
        """Those that every task depends on."""
        named = (str(self.root / "pipeline.yaml"), str(self.pins.path))
        return {*named, *(path for name in named for path in links.followed(name))}

    @property
    def headline(self) -> str:
        target = self.spec.target
        return f"{self.spec.project}: target {target.name}, registry {_where(target)}"

    def up_to_date(self) -> tuple[str, ...]:
        """What a run says that has nothing to do, a line each."""
        tasks = "1 task" if self.count == 1 else f"{self.count} tasks"
        return (self.headline, f"{tasks} up to date", *self.serving())

    @property
    def command(self) -> str:
        """What starts a run like this one."""
        return "doit" if self.spec.target.name == self.spec.targets[0] else f"doit -t {self.spec.target.name}"

    def serving(self, *, afresh: bool = False) -> list[str]:
        return self.world.serving(afresh=afresh)

    def interrupted(self) -> Iterator[str]:
        """After Ctrl-C: ends what goes on elsewhere, where a connection that is gone ends nothing; in words.

        What cannot be ended is told of, too."""
        azure = self._shared.get("azure")
        if azure:
            yield from azure.under_way.interrupted()

    def stop(self, task: Task) -> str | None:
        """Stops what the task started, for `doit clean`; what it did in words."""
        step, output = self.steps[task.step], self.output(task.name)
        stop = getattr(step, "stop", None)
        return stop(output, self.clients(Silent())) if stop and output else None

    def _files_of(self, image: str) -> Sequence[Files]:
        task = self.by_name.get(f"build_base:{image}")
        return task.files if task else ()

    def _identity(self, name: str) -> str:
        record = self.record(name)
        return record.identity if record else ""


def _where(target: Target) -> str:
    registry = target.registry
    if isinstance(registry, LocalRegistry):
        return f"127.0.0.1:{registry.port}"
    if isinstance(registry, GenericRegistry):
        return registry.address
    if isinstance(registry, AcrRegistry):
        return registry.name
    return f"of workspace {target.workspace.name}" if target.workspace else "of the workspace"
