"""check: `doit check` says what can be known before any work starts, and changes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit.cmd_base import DoitCmdBase

from bedplate import plan as plans
from bedplate.checks import project
from bedplate.checks.codes import ERROR, MACHINE
from bedplate.checks.finding import Finding, of_mistake, ordered
from bedplate.errors import SpecError
from bedplate.specfile.absent import CODE as MISSING
from bedplate.step import Made, Task
from bedplate.tasks import ahead, findings_said, machine, names, options
from bedplate.tasks.machine import Heard
from bedplate.tasks.root import find_root
from bedplate.tasks.session import Session

JSON = options.as_json("check.schema.json")
OFFLINE = options.flag("offline", "ask nobody over a network: no registry, no remote engine")


class Check(DoitCmdBase):  # type: ignore[misc]  # doit has no types
    name = "check"
    doc_purpose = "say what is wrong or doubtful before any work starts"
    doc_usage = "[IMAGE or TASK ...]"
    doc_description = (
        "Looks at the spec, the Dockerfiles, the files that they take, the services' code, and this machine.\n"
        "Exit code 0: no errors, though there may be warnings; 1: errors; 3: the spec itself cannot be used.\n"
        "docs/checks.md explains every code; `# bedplate: ignore=CODE reason` on a line or above it excuses it."
    )
    cmd_options = (JSON, OFFLINE)

    parse_execute = options.parse_execute

    def execute(self, params: Any, args: list[str]) -> int:
        """Without doit's database and without its tasks: a target that cannot be planned can be looked at, too."""
        self.loader.setup(params)
        self.loader.variables.refuse_unknown()
        said = findings_said.as_json if params["as_json"] else findings_said.as_text
        absent: list[Finding] = []
        try:
            root = find_root(Path.cwd())
            try:
                session = Session(root, self.loader.target)
            except SpecError as error:
                if any(m.code != MISSING for m in error.mistakes):
                    raise
                absent = [of_mistake(m) for m in error.mistakes]
                session = Session(root, self.loader.target, exist=False)
        except SpecError as error:
            wrong = ordered([of_mistake(m) for m in error.mistakes])
            sys.stdout.write(said(wrong, None))
            _annotate(wrong, Path.cwd())
            return 3
        heard = Heard()
        findings = find(session, args, heard, offline=params["offline"])
        if absent:  # each is told once, where the spec names it, rather than by its path alone
            told = {(project.SPEC, f.mistake.line) for f in absent}
            others = [f for f in findings if f.code in MACHINE or (f.mistake.file, f.mistake.line) not in told]
            findings = ordered([*absent, *(f for f in others if f.code != MISSING or f.mistake.line)])
        sys.stdout.write(said(findings, session, heard.notes))
        _annotate(findings, session.root)
        return 1 if any(f.weight == ERROR for f in findings) else 0


def find(session: Session, words: list[str], heard: Heard, *, offline: bool) -> list[Finding]:
    """What the files of these tasks, and of those they need, say, and what the machine and Azure say.

    `heard` is told what Azure's registry is."""
    tasks, unplanned = _tasks(session)
    chosen = None
    if words:
        chosen = plans.upstream(session.tasks, names.of_tasks(session, words)) if not unplanned else set(words)
    found = [*unplanned, *project.find(session.spec, tasks, session.reads, session.pins.digest, chosen)]
    clients = machine.clients(session.root, session.spec, session.reads, heard)

    def making() -> Iterator[Made]:
        return (made for _, made in ahead.makes(session, session.verdicts))

    found += machine.find(session.spec, session.root, tasks, session.state, clients, offline=offline, making=making)
    session.cache.save()
    return ordered(found)


def _tasks(session: Session) -> tuple[list[Task], list[Finding]]:
    """All tasks, each step's by itself where one of them cannot be planned."""
    try:
        return list(session.tasks), []
    except SpecError as error:
        wrong = [of_mistake(m) for m in error.mistakes]
    tasks: list[Task] = []
    for step in session.steps.values():
        try:
            tasks += step.tasks(session.spec)
        except SpecError:
            continue
    return tasks, wrong


def _annotate(findings: list[Finding], root: Path) -> None:
    """Standard error keeps them apart from --json; both services read it."""
    for line in findings_said.for_service(findings, os.environ, root):
        sys.stderr.write(line + "\n")
