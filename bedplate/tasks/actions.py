"""actions: what doit calls of a task: is it up to date, run it, clean it."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from typing import Any

from bedplate.errors import SpecError, StepError
from bedplate.model import LocalRegistry, Spec
from bedplate.stale import shown, stale
from bedplate.step import Task
from bedplate.tasks import execute
from bedplate.tasks.console import Console
from bedplate.tasks.disk_errors import unwritable
from bedplate.tasks.session import Session

TAKES_NOTHING = inspect.Signature()  # doit asks each time, and to find it out takes longer than to say it


class Uptodate:
    """doit asks this after upstream tasks ran, so their outputs are current. Its text is what `doit info` shows."""

    __signature__ = TAKES_NOTHING

    def __init__(self, task: Task, session: Session) -> None:
        self.task = task
        self.session = session
        self.reasons: tuple[str, ...] | None = None

    def __call__(self) -> bool:
        if self.session.record(self.task.name) is None:
            self.reasons = stale({}, None, None)  # whatever its files say: they are read when it runs
        else:
            self.reasons = self.session.judge(self.task).reasons
        return not self.reasons

    def __str__(self) -> str:
        return "; ".join(shown(self.reasons or ()))

    __repr__ = __str__


def uptodate(task: Task, session: Session) -> Uptodate:
    return Uptodate(task, session)


def action(task: Task, session: Session, console: Console) -> Callable[[], Any]:
    def run() -> Any:
        try:
            return execute.run(task, session, console)
        except (StepError, SpecError) as error:
            session.state.fail(task.name, session.judge(task).fingerprint)
            return failed(error)
        except OSError as error:
            refusal = unwritable(error, session.root)
            if refusal is None:
                raise
            return failed(refusal)

    run.__signature__ = TAKES_NOTHING  # type: ignore[attr-defined]  # of every callable, says inspect
    return run


def failed(error: StepError | SpecError) -> Any:
    """doit's word for a failure whose text is all that is shown."""
    from doit.exceptions import TaskFailed

    told = TaskFailed(str(error))
    told.alone = isinstance(error, StepError) and error.alone
    told.option = error.option if isinstance(error, StepError) else ""
    return told


class Clean:
    """Stops what the task started. doit prints its text before it calls it."""

    def __init__(self, task: Task, session: Session) -> None:
        self.task = task
        self.session = session

    def __call__(self) -> None:
        word = self.session.stop(self.task)
        print(f"{self.task.name}: {word or 'nothing to stop'}")
        told = self.session._shared.setdefault("images stay", set())
        if word and self.task.step == "deploy" and not told:
            told.add(self.task.name)
            print(images_stay(self.session.spec))

    def __repr__(self) -> str:
        return "<stop what it started at >"  # doit leaves out the first letter, and all from ` at ` on


def images_stay(spec: Spec) -> str:
    """What `doit clean` leaves, and what removes it."""
    from bedplate.clients.registry_files import folder

    registry = spec.target.registry
    lines = ["images stay in engine and registry, so that the next `doit` is quick; this removes them, too:"]
    lines.append(f"  docker rmi -f $(docker images -q --filter label=dev.bedplate.project={spec.project})")
    if isinstance(registry, LocalRegistry):
        lines.append(
            f"  rm -r {shlex.quote(str(folder(registry.port)))}   # all of the local registry, after `doit clean`"
        )
    else:
        lines.append(f"  and in the registry, by its own means: its repositories below {spec.project}/")
    return "\n".join(lines)


def clean(task: Task, session: Session) -> list[Clean]:
    return [Clean(task, session)] if hasattr(session.steps[task.step], "stop") else []
