"""remote: `doit plan --remote` compares what Azure has with the spec; nothing is changed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bedplate.azureml.drift import Difference
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import AzureMlEnvironment, Output
from bedplate.stale import Verdict
from bedplate.step import Given, Task
from bedplate.tasks.console import Silent
from bedplate.tasks.session import Session


@dataclass(frozen=True)
class Drift:
    """Of one task. `missing`: the task whose result is not known here, so that nothing could be compared; else ""."""

    task: str
    differences: tuple[Difference, ...]
    missing: str = ""

    @property
    def found(self) -> bool:
        return bool(self.differences or self.missing)


def drifts(session: Session, verdicts: Sequence[Verdict]) -> list[Drift]:
    """One for each of these tasks that keeps something in Azure. Raises SpecError, StepError."""
    found = (_drift(session, session.by_name[verdict.task], verdict) for verdict in verdicts)
    return [one for one in found if one is not None]


def lines(session: Session, found: Sequence[Drift]) -> list[str]:
    if not found:
        return [f"in Azure: target {session.spec.target.name} keeps nothing there that can be compared"]
    if not any(one.found for one in found):
        return ["in Azure: all is as the spec says"]
    said, mending = ["in Azure:"], []
    for one in found:
        if one.missing:
            said.append(f"  {one.task}  not compared: what {one.missing} made is not known here")
        said += [f"  {one.task}  {difference}" for difference in one.differences]
        if one.differences and session.verdicts[one.task].fresh:
            mending.append(one.task)
    if mending:
        # one command for each: of several names behind -s doit runs the first alone
        commands = " && ".join(f"{session.command} run -a -s{_agreed(session, name)} {name}" for name in mending)
        said.append(f"`{commands}` makes it as the spec says")
    return said


def _agreed(session: Session, name: str) -> str:
    """What a run that must not ask is told where it changes what a protected target serves with."""
    return " --yes" if session.spec.target.protect and session.by_name[name].step == "deploy" else ""


def to_json(found: Sequence[Drift]) -> list[dict[str, Any]]:
    """As schemas/plan.schema.json says of `remote`."""
    return [
        {"task": one.task, "missing": one.missing or None, "differences": [asdict(each) for each in one.differences]}
        for one in found
    ]


def _drift(session: Session, task: Task, verdict: Verdict) -> Drift | None:
    drift = getattr(session.steps[task.step], "drift", None)
    if drift is None:
        return None
    outputs: dict[str, Output] = {}
    for name in (*task.needs, *task.after):
        output = session.output(name)
        if output is None:
            return Drift(task.name, (), name) if _in_azure(session) else None
        outputs[name] = output
    given = Given(task.name, verdict.fingerprint, session.reads.file_sets(task), outputs, task.aside)
    try:
        found: list[Difference] | None = drift(task.inputs, given, session.clients(Silent()))
    except StepError as error:
        raise StepError(f"{task.name}: {error.message}", error.hint, error.detail) from None
    return None if found is None else Drift(task.name, tuple(found))


def _in_azure(session: Session) -> bool:
    return isinstance(session.spec.target.environment, AzureMlEnvironment)
