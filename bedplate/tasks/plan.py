"""plan: `doit plan` says what would run and why, and changes nothing."""

from __future__ import annotations

import json
import sys
from typing import Any

from doit.cmd_base import DoitCmdBase

from bedplate import plan as plans
from bedplate.errors import SpecError
from bedplate.stale import Verdict
from bedplate.tasks import options
from bedplate.tasks.session import Session

JSON = {"name": "as_json", "long": "json", "type": bool, "default": False, "help": "one JSON object (plan.schema.json)"}
MATRIX = {
    "name": "matrix",
    "long": "matrix",
    "type": bool,
    "default": False,
    "help": "the images to build as JSON: a list of levels, each a matrix whose images can be built side by side",
}


class Plan(DoitCmdBase):  # type: ignore[misc]  # doit has no types
    """Exit code 0: nothing would run; 2: something would; 3: a mistake in the spec."""

    name = "plan"
    doc_purpose = "say what would run and why, without running it"
    doc_usage = "[IMAGE or TASK ...]"
    doc_description = "Exit code 0: nothing would run; 2: something would, or might; 3: a mistake in the spec."
    cmd_options = (JSON, MATRIX)

    def parse_execute(self, in_args: list[str]) -> int:
        params, args = options.parse(self, in_args)
        params.update(self.opt_vals)
        return int(self.execute(params, args))

    def _execute(self, as_json: bool, matrix: bool, pos_args: list[str]) -> int:
        session: Session = self.loader.session
        try:
            verdicts = chosen(session, pos_args)
        except SpecError as error:
            sys.stderr.write(f"{error}\n")
            return 3
        if matrix:
            print(json.dumps({"levels": levels(session, verdicts)}))
        elif as_json:
            print(json.dumps(to_json(session, verdicts), indent=2))
        else:
            print("\n".join(lines(session, verdicts)))
        return 2 if any(not v.fresh for v in verdicts) else 0


def chosen(session: Session, names: list[str]) -> list[Verdict]:
    """The verdicts on the tasks or images named and on all that these need; on all tasks without names."""
    if not names:
        return list(session.verdicts.values())
    tasks = {t.name for t in session.tasks if t.name in names or t.step in names}
    images = {t.name for t in session.tasks if t.step in ("build_base", "push") and t.entry in names}
    wanted = plans.upstream(session.tasks, tasks | images)
    return [v for v in session.verdicts.values() if v.task in wanted]


def lines(session: Session, verdicts: list[Verdict]) -> list[str]:
    running = [v for v in verdicts if not v.fresh]
    width = max((len(v.task) for v in running), default=0)
    said = [session.headline]
    for verdict in running:
        reasons = list(verdict.reasons) or [f"maybe: after {', '.join(verdict.maybe)}"]
        said.append(f"{verdict.task:<{width}}  {reasons[0]}")
        said += [f"{'':<{width}}  {reason}" for reason in reasons[1:]]
    surely = sum(1 for v in running if v.reasons)
    maybe = f", {len(running) - surely} may" if len(running) > surely else ""
    said.append(
        f"{surely} of {len(verdicts)} tasks would run{maybe}" if running else f"{len(verdicts)} tasks up to date"
    )
    return said


def to_json(session: Session, verdicts: list[Verdict]) -> dict[str, Any]:
    """As schemas/plan.schema.json says."""
    return {
        "version": 1,
        "project": session.spec.project,
        "target": session.spec.target.name,
        "tasks": [
            {
                "task": v.task,
                "would_run": "yes" if v.reasons else "maybe" if v.maybe else "no",
                "reasons": list(v.reasons),
                "maybe_after": list(v.maybe),
                "fingerprint": v.fingerprint,
            }
            for v in verdicts
        ],
    }


def levels(session: Session, verdicts: list[Verdict]) -> list[dict[str, list[str]]]:
    """The images to build: each level needs only images of the levels before it, or such as are there already."""
    building = {v.task for v in verdicts if not v.fresh and session.by_name[v.task].step == "build_base"}
    depth: dict[str, int] = {}
    found: list[dict[str, list[str]]] = []
    for task in session.tasks:
        if task.name in building:
            depth[task.name] = max((depth[n] + 1 for n in task.needs if n in depth), default=0)
            while len(found) <= depth[task.name]:
                found.append({"image": []})
            found[depth[task.name]]["image"].append(task.entry)
    return found
