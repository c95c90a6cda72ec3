"""plan: `doit plan` says what would run and why, and changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from doit.cmd_base import DoitCmdBase

from bedplate import plan as plans
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.pins import NAME, Reference
from bedplate.stale import Verdict, shown
from bedplate.tasks import names, options, unhashed
from bedplate.tasks.console import complain
from bedplate.tasks.session import Session

if TYPE_CHECKING:
    from bedplate.tasks.remote import Drift

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
        looked = None if as_json or matrix or remote or pos_args else self._part()
        try:
            looked = looked or self._whole(pos_args, remote=remote)
        except SpecError as error:
            complain(str(error))
            return 3
        except StepError as error:
            complain(str(error))
            return 1
        if matrix:
            print(json.dumps({"levels": levels(looked.session, looked.verdicts)}))
        elif as_json:
            print(json.dumps(to_json(looked), indent=2))
        else:
            print("\n".join(text(looked)))
        drifted = any(drift.found for drift in looked.drifts or ())
        return 2 if drifted or any(not v.fresh for v in looked.verdicts) else 0

    def _part(self) -> Looked | None:
        """What changed since the last run that had nothing to do, where that is little; what is wrong is told by a
        look at the whole project."""
        session: Session | None = self.loader.part()
        try:
            return look(session, set(), locked=self.loader.locked) if session else None
        except (SpecError, StepError):
            return None

    def _whole(self, words: list[str], *, remote: bool) -> Looked:
        session: Session = self.loader.session
        looked = look(session, names.of_tasks(session, words), locked=self.loader.locked)
        if not remote:
            return looked
        from bedplate.tasks import remote as remotes

        return looked._replace(drifts=remotes.drifts(session, looked.verdicts))


class Looked(NamedTuple):
    """`of`: how many tasks there are of those that were asked for. `drifts`: None where Azure was not asked."""

    session: Session
    unlocked: list[Reference]
    verdicts: list[Verdict]
    fetched: list[Mistake]
    of: int
    drifts: list[Drift] | None = None


def look(session: Session, wanted: set[str], *, locked: bool) -> Looked:
    """Raises SpecError, StepError."""
    # a run would write these digests; what it would do depends on them
    needed = plans.upstream(session.tasks, wanted) if wanted else None
    unlocked = session.pins.missing(session.upstreams.of(needed))
    for _ in session.upstreams.pin(needed, locked=locked, write=False):
        pass
    verdicts = chosen(session, wanted)
    fetched = unhashed.find(session, [session.by_name[v.task] for v in verdicts])
    return Looked(session, unlocked, verdicts, fetched, len(verdicts) if wanted else session.count)


def chosen(session: Session, wanted: set[str]) -> list[Verdict]:
    """The verdicts on these tasks and on all that they need; on all tasks where none is named."""
    needed = plans.upstream(session.tasks, wanted) if wanted else session.verdicts
    return [v for v in session.verdicts.values() if v.task in needed]


def text(looked: Looked) -> list[str]:
    """The lines for people."""
    session, verdicts = looked.session, looked.verdicts
    running = [v for v in verdicts if not v.fresh]
    width = max((len(v.task) for v in running), default=0)
    said = [session.headline, *unhashed.lines(unhashed.doubtful(session, looked.fetched))]
    said += [f"{NAME} would get {r.text} ({r.platform}): {digest[:19]}" for r, digest in _taken(looked)]
    for verdict in running:
        reasons = shown(verdict.reasons) or [f"maybe: after {', '.join(verdict.maybe)}"]
        said.append(f"{verdict.task:<{width}}  {reasons[0]}")
        said += [f"{'':<{width}}  {reason}" for reason in reasons[1:]]
    surely = sum(1 for v in running if v.reasons)
    maybe = f", {len(running) - surely} may" if len(running) > surely else ""
    said.append(
        f"{surely} of {looked.of} tasks would run{maybe}" if running else f"{_count(looked.of, 'task')} up to date"
    )
    if looked.drifts is None:
        return said
    from bedplate.tasks import remote as remotes

    return [*said, *remotes.lines(session, looked.drifts)]


def _taken(looked: Looked) -> list[tuple[Reference, str]]:
    """The digests that a run would write; of an image that work goes on without, nobody may have said one."""
    taken = ((r, looked.session.pins.digest(*r.key)) for r in looked.unlocked)
    return [(r, digest) for r, digest in taken if digest]


def to_json(looked: Looked) -> dict[str, Any]:
    """As schemas/plan.schema.json says."""
    session = looked.session
    asked: dict[str, Any] = {}
    if looked.drifts is not None:
        from bedplate.tasks import remote as remotes

        asked["remote"] = remotes.to_json(looked.drifts)
    return {
        "version": 1,
        "project": session.spec.project,
        "target": session.spec.target.name,
        "would_lock": [{"reference": r.text, "platform": r.platform, "digest": digest} for r, digest in _taken(looked)],
        "tasks": [
            {
                "task": v.task,
                "would_run": "yes" if v.reasons else "maybe" if v.maybe else "no",
                "reasons": list(v.reasons),
                "maybe_after": list(v.maybe),
                "fingerprint": v.fingerprint,
            }
            for v in looked.verdicts
        ],
        "not_hashed": unhashed.to_json(looked.fetched),
        **asked,
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
