"""session: one command's view of the project: its spec, its tasks, what is recorded, what must run and why."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import steps
from bedplate import outputs, plan, spec, stale
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.model import (
    AcrRegistry,
    Deployment,
    GenericRegistry,
    LocalRegistry,
    Output,
    Registry,
    Spec,
    Target,
)
from bedplate.pins import Pins, Reference, refuse
from bedplate.questions import Answers, Question
from bedplate.reads import Reads, all_mistakes
from bedplate.stale import Verdict
from bedplate.stat_cache import StatCache
from bedplate.state import Record, State
from bedplate.step import Log, Step, Task
from bedplate.tasks.console import Silent

if TYPE_CHECKING:
    from bedplate.clients.connections import Connections
    from bedplate.clients.oci_registry import OciRegistry

FOLDER = ".bedplate"


class Session:
    """Opened for the project in `root`; `target` None takes the spec's first. Raises SpecError."""

    def __init__(self, root: Path, target: str | None) -> None:
        self.began_ns = time.time_ns()
        self.root = root
        self.folder = root / FOLDER
        self.spec: Spec = spec.load(root / "pipeline.yaml", target, cache=self.folder / "cache")
        self.state_path = self.folder / f"{self.spec.target.name}.jsonl"
        self.cache = StatCache(self.folder / "cache" / "files")
        self.pins = Pins(root)
        self.reads = Reads(root, self.cache, self.pins.digest)
        self.again = False  # `doit -a`: what is there already is made once more
        self._shared: dict[str, Any] = {}  # connections that all tasks of a run use

    @cached_property
    def state(self) -> State:
        return State(self.state_path)

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        return steps.load()

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        return plan.plan(self.spec, self.steps)

    @cached_property
    def by_name(self) -> dict[str, Task]:
        return {task.name: task for task in self.tasks}

    def record(self, name: str) -> Record | None:
        return self.state.record(name)

    def output(self, name: str) -> Output | None:
        """What the last good run of this task made; None if there was none, or an other version wrote it."""
        record = self.record(name)
        try:
            return outputs.from_json(record.output) if record else None
        except (KeyError, TypeError):
            return None

    @cached_property
    def answers(self) -> Answers:
        """What the outside world says to all questions of the recorded outputs, asked in one batch."""
        return self._ask(self._questions())

    @cached_property
    def absent(self) -> dict[str, str]:
        """Why what a task made is not there any more, by task."""
        absent = {}
        for task in self.tasks:
            output = self.output(task.name)
            if output is not None:
                why = self.steps[task.step].present(output, self.answers)
                if why:
                    absent[task.name] = why
            elif self.record(task.name):
                absent[task.name] = "recorded by an other version"
        return absent

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on every task before any runs, in plan order."""
        all_mistakes(self.tasks, self.reads)
        verdicts = stale.survey(self.tasks, self.record, self.reads.parts, self.absent)
        self.cache.save()
        return verdicts

    @property
    def dirty(self) -> list[str]:
        return [name for name, verdict in self.verdicts.items() if not verdict.fresh]

    def judge(self, task: Task) -> Verdict:
        """The verdict on a task whose upstream tasks have run, with what is on disk now."""
        self.reads.forget(task)
        identities = {need: self._identity(need) for need in task.needs}
        absent = self.absent.get(task.name)
        return stale.judge(task, self.reads.parts(task), identities, self.record(task.name), absent)

    def clients(self, log: Log) -> Connections:
        from bedplate.clients.connections import Connections

        return Connections(self.root, self.spec, log, self.reads, self.again, self._shared)

    def warnings(self, names: set[str]) -> list[str]:
        """What the files of the tasks that run give to say, a line each. Raises SpecError: refused by the policy."""
        dirty = names.intersection(self.dirty)
        if not dirty:
            return []
        from bedplate.tasks import run_warnings

        return run_warnings.lines(self, dirty)

    def upstream(self, images: Sequence[str] = ()) -> list[Reference]:
        """The upstream images that the spec's images use (those named; all without names), where they stand.

        Raises SpecError with every mistake in their files."""
        tasks = [t for t in self.tasks if t.step == "build_base" and (not images or t.entry in images)]
        all_mistakes(tasks, self.reads)
        return [reference for task in tasks for reference in self.reads.upstream(task)]

    def ask_upstream(self, references: Sequence[str]) -> Mapping[str, str | StepError]:
        """The digests that references have today, or why one is not known."""
        return self.clients(Silent()).upstream.digests(references)

    def pin(self, *, locked: bool, write: bool) -> Iterator[str]:
        """Takes a digest for every upstream image that has none; what it did, a line for each.

        `locked`: none may be taken. `write`: into the lock, not for this process alone. Raises SpecError, StepError."""
        missing = self.pins.missing(self.upstream())
        if missing and (locked or os.environ.get("CI")):
            raise refuse(missing, "--locked" if locked else "CI is set")
        if missing:
            yield from (self.pins.take if write else self.pins.suppose)(missing, self.ask_upstream)

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

    def log_path(self, name: str) -> Path:
        return self.folder / "logs" / self.spec.target.name / (name.replace(":", ".") + ".log")

    @property
    def config(self) -> dict[str, Any]:
        """doit's settings for this target."""
        return {"dep_file": str(self.state_path), "num_process": self.spec.target.builder.parallel}

    @property
    def looked(self) -> set[str]:
        """Every path whose change could change a verdict: files read, folders listed, absolute."""
        own = (self.root / "pipeline.yaml", self.pins.path, self.state_path)
        return self.cache.looked | {str(path) for path in own}

    @property
    def headline(self) -> str:
        target = self.spec.target
        return f"{self.spec.project}: target {target.name}, registry {_where(target)}"

    @property
    def command(self) -> str:
        """What starts a run like this one."""
        return "doit" if self.spec.target.name == self.spec.targets[0] else f"doit -t {self.spec.target.name}"

    def serving(self, *, afresh: bool = False) -> list[str]:
        """A line for each service that answers, or did when the run began."""
        deployed = {t.name: o for t in self.tasks if isinstance(o := self.output(t.name), Deployment) and o.url}
        if not deployed:
            return []
        if afresh or "answers" not in self.__dict__:  # a run without records has asked nothing
            said = self._ask([q for n, o in deployed.items() for q in self._step(n).asks(o, self.spec)])
        else:
            said = self.answers
        lines = []
        for name, output in deployed.items():
            why = self._step(name).present(output, said) if afresh or name in self.verdicts else None
            if not why or (name in self.absent and not afresh):
                lines.append(f"{output.service} at {output.url}")
        return lines

    def cancel(self) -> list[str]:
        """After Ctrl-C: ends what goes on elsewhere, where a connection that is gone ends nothing; in words."""
        azure = self._shared.get("azure")
        return azure.cancel_all() if azure else []

    def stop(self, task: Task) -> str | None:
        """Stops what the task started, for `doit clean`; what it did in words."""
        step, output = self.steps[task.step], self.output(task.name)
        stop = getattr(step, "stop", None)
        return stop(output, self.clients(Silent())) if stop and output else None

    def _step(self, name: str) -> Step:
        return self.steps[self.by_name[name].step]

    def _identity(self, name: str) -> str:
        record = self.record(name)
        return record.identity if record else ""

    def _ask(self, questions: list[Question]) -> Answers:
        from bedplate.clients import answers, docker_host

        return answers.answer(questions, docker_host.address(), self.registry_at)

    def registry_at(self, host: str) -> OciRegistry:
        resolved = self.output("resolve_registry")
        if isinstance(resolved, Registry) and resolved.address.partition("/")[0] == host:
            return self.clients(Silent()).registry(resolved)
        entry = self.spec.target.registry
        insecure = isinstance(entry, GenericRegistry) and entry.insecure and entry.address.partition("/")[0] == host
        return self.clients(Silent()).registry(Registry("generic", host, insecure))

    def _questions(self) -> list[Question]:
        questions: list[Question] = []
        for task in self.tasks:
            output = self.output(task.name)
            if output is not None:
                questions += self.steps[task.step].asks(output, self.spec)
        return questions


def find_root(start: Path) -> Path:
    """The nearest folder with a pipeline.yaml. Raises SpecError."""
    for folder in (start, *start.parents):
        if (folder / "pipeline.yaml").is_file():
            return folder
    raise SpecError([Mistake("pipeline.yaml", 0, 0, f"there is none in {start}", "write one: README.md shows how")])


def _where(target: Target) -> str:
    registry = target.registry
    if isinstance(registry, LocalRegistry):
        return f"127.0.0.1:{registry.port}"
    if isinstance(registry, GenericRegistry):
        return registry.address
    if isinstance(registry, AcrRegistry):
        return registry.name
    return f"of workspace {target.workspace.name}" if target.workspace else "of the workspace"
