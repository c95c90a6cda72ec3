"""plan: `doit plan` says what would run and why, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

from doit.cmd_base import DoitCmdBase

from bedplate import plan as plans
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.pins import NAME, Reference
from bedplate.stale import Verdict, shown
from bedplate.tasks import names, options, unhashed
from bedplate.tasks import remote as remotes
from bedplate.tasks.console import complain
from bedplate.tasks.session import Session

JSON = options.as_json("plan.schema.json")
MATRIX = options.flag(
    "matrix", "the images to build as JSON: a list of levels, each a matrix whose images can be built side by side"
)
REMOTE = options.flag("remote", "asks Azure too: what there is not as the spec says; nothing is changed")


class Plan(DoitCmdBase):  # type: ignore[misc]  # doit has no types
    name = "plan"
    doc_purpose = "say what would run and why, without running it"
    doc_usage = "[IMAGE or TASK ...]"
    doc_description = (
        "Exit code 0: nothing would run; 2: something would, or might; 3: a mistake in the spec;\n"
        "1: an upstream image is not locked yet and its registry does not say its digest.\n"
        "With --remote also 2: Azure is not as the spec says; 1: Azure cannot be asked."
    )
    cmd_options = (JSON, MATRIX, REMOTE)

    parse_execute = options.parse_execute

    def _execute(self, as_json: bool, matrix: bool, remote: bool, pos_args: list[str]) -> int:
        session: Session = self.loader.session
        wanted = names.of_tasks(session, pos_args)
        try:
            # a run would write these digests; what it would do depends on them
            unlocked = session.pins.missing(session.upstream())
            for _ in session.pin(locked=self.loader.locked, write=False):
                pass
            verdicts = chosen(session, wanted)
            fetched = unhashed.find(session, [session.by_name[v.task] for v in verdicts])
            drifts = remotes.drifts(session, verdicts) if remote else []
        except SpecError as error:
            complain(str(error))
            return 3
        except StepError as error:
            complain(str(error))
            return 1
        if matrix:
            print(json.dumps({"levels": levels(session, verdicts)}))
        elif as_json:
            asked = {"remote": remotes.to_json(drifts)} if remote else {}
            print(json.dumps({**to_json(session, verdicts, unlocked, fetched), **asked}, indent=2))
        else:
            asked_lines = remotes.lines(session, drifts) if remote else []
            head, *rest = lines(session, verdicts, unlocked)
            print("\n".join([head, *unhashed.lines(unhashed.doubtful(session, fetched)), *rest, *asked_lines]))
        return 2 if any(not v.fresh for v in verdicts) or remotes.drifted(drifts) else 0


def chosen(session: Session, wanted: set[str]) -> list[Verdict]:
    """The verdicts on these tasks and on all that they need; on all tasks where none is named."""
    needed = plans.upstream(session.tasks, wanted) if wanted else session.verdicts
    return [v for v in session.verdicts.values() if v.task in needed]


def lines(session: Session, verdicts: list[Verdict], unlocked: list[Reference]) -> list[str]:
    running = [v for v in verdicts if not v.fresh]
    width = max((len(v.task) for v in running), default=0)
    said = [session.headline]
    said += [f"{NAME} would get {r.text} ({r.platform}): {session.pins.digest(*r.key)[:19]}" for r in unlocked]
    for verdict in running:
        reasons = shown(verdict.reasons) or [f"maybe: after {', '.join(verdict.maybe)}"]
        said.append(f"{verdict.task:<{width}}  {reasons[0]}")
        said += [f"{'':<{width}}  {reason}" for reason in reasons[1:]]
    surely = sum(1 for v in running if v.reasons)
    maybe = f", {len(running) - surely} may" if len(running) > surely else ""
    said.append(
        f"{surely} of {len(verdicts)} tasks would run{maybe}"
        if running
        else f"{_count(len(verdicts), 'task')} up to date"
    )
    return said


def to_json(
    session: Session, verdicts: list[Verdict], unlocked: list[Reference], fetched: list[Mistake]
) -> dict[str, Any]:
    """As schemas/plan.schema.json says."""
    return {
        "version": 1,
        "project": session.spec.project,
        "target": session.spec.target.name,
        "would_lock": [
            {"reference": r.text, "platform": r.platform, "digest": session.pins.digest(*r.key)} for r in unlocked
        ],
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
        "not_hashed": unhashed.to_json(fetched),
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
