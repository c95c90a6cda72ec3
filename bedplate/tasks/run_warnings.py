"""run_warnings: what a run says, before it builds, about what it is going to build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedplate.checks import project
from bedplate.checks.codes import ERROR, NOTE, PINS
from bedplate.errors import SpecError

if TYPE_CHECKING:
    from bedplate.tasks.session import Session

SHOWN = 8


def lines(session: Session, names: set[str]) -> list[str]:
    """A line for each finding but notes, the gravest first. `names`: the tasks that run.

    Raises SpecError for what `policy: {pins: require}` refuses."""
    found = project.find(session.spec, session.tasks, session.reads, session.pins.digest, names)
    refused = [f.mistake for f in found if f.code in PINS and f.weight == ERROR]
    if refused:
        raise SpecError(refused)
    said = []
    for finding in found:
        at = finding.mistake
        where = ":".join([at.file] + [str(n) for n in (at.line, at.column) if n])
        if finding.weight != NOTE:
            said.append(f"{finding.weight}: {where}: {at.message} [{finding.code}]")
    if len(said) > SHOWN:
        said[SHOWN:] = [f"{len(said) - SHOWN} more: `doit check` shows all, with what mends them"]
    return said
