"""execute: runs one task's step and makes the record of it."""

from __future__ import annotations

from typing import Any

from bedplate import outputs
from bedplate.errors import SpecError, StepError
from bedplate.step import Given, Task
from bedplate.tasks import room
from bedplate.tasks.console import Console
from bedplate.tasks.session import Session


def run(task: Task, session: Session, console: Console) -> dict[str, Any]:
    """Runs the task and returns its record: parts, output, identity. Raises StepError and SpecError.

    The parts are those of the moment before the step began, so an edit made while it runs is noticed next time."""
    verdict = session.judge(task)
    with console.task(task.name, session.log_path(task.name)) as log:
        for reason in verdict.reasons:
            log.keep(f"because: {reason}")
        given = Given(
            task=task.name,
            fingerprint=verdict.fingerprint,
            file_sets=session.reads.file_sets(task),
            outputs={name: _output(session, name) for name in (*task.needs, *task.after)},
            aside=task.aside,
        )
        clients = session.clients(log)
        try:
            output = session.steps[task.step].run(task.inputs, given, clients)
        except (StepError, SpecError) as error:
            log.keep(str(error))
            raise
        took = room.took(given, output, clients)
    record = {"parts": dict(verdict.parts), "output": outputs.to_json(output), "identity": output.identity}
    return {**record, "took": took} if took else record


def _output(session: Session, name: str) -> Any:
    output = session.output(name)
    if output is None:
        raise StepError(f"the result of {name} is not recorded", hint=f"run `doit {name}` first")
    return output
