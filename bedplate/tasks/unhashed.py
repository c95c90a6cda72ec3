"""unhashed: what images fetch while they are built and no fingerprint knows: ADD of an address that nothing pins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from bedplate.errors import Mistake
from bedplate.step import DockerfileFiles, Task
from bedplate.tasks.session import Session

CODE = "UnpinnedDownload"
SHOWN = 8
KEYS = ("file", "line", "column", "message")
# reading a context costs: only those are read whose Dockerfile may fetch something
MAY_FETCH = re.compile(rb"(?im)^[ \t]*(?:ONBUILD[ \t]+)?ADD\b.*(?:://|git@|github\.com/|\$|\\[ \t\r]*$)")


def find(session: Session, tasks: Iterable[Task]) -> list[Mistake]:
    """Each where it stands, once."""
    found = [
        mistake
        for task in tasks
        if any(isinstance(files, DockerfileFiles) and _may_fetch(session, files) for files in task.files)
        for mistake in session.reads.warnings(task)
        if mistake.code == CODE
    ]
    return list(dict.fromkeys(found))


def may_fetch(session: Session, tasks: Iterable[Task]) -> bool:
    """Whether a Dockerfile of these has an instruction that `find` would look at."""
    files = (one for task in tasks for one in task.files if isinstance(one, DockerfileFiles))
    return any(_may_fetch(session, one) for one in files)


def doubtful(session: Session, found: Sequence[Mistake]) -> list[Mistake]:
    """Without those that a line excuses; none where the policy is not to look."""
    if session.spec.policy.get("pins") == "off":
        return []
    return [mistake for mistake in found if not _excused(session, mistake)]


def lines(found: Sequence[Mistake]) -> list[str]:
    """As a run says it, and `doit check`."""
    said = [f"warning: {m.file}:{m.line}:{m.column}: {m.message} [{CODE}]" for m in found]
    if len(said) > SHOWN:
        said[SHOWN:] = [f"{len(said) - SHOWN} more of these: `doit check` shows all, with what mends them"]
    return said


def to_json(found: Sequence[Mistake]) -> list[dict[str, Any]]:
    return [{key: value for key, value in asdict(mistake).items() if key in KEYS} for mistake in found]


def _may_fetch(session: Session, files: DockerfileFiles) -> bool:
    try:
        return MAY_FETCH.search((session.root / files.dockerfile).read_bytes()) is not None
    except OSError:
        return False  # whoever reads it says so


def _excused(session: Session, mistake: Mistake) -> bool:
    from bedplate.checks import excuses
    from bedplate.checks.finding import of_mistake

    text = (session.root / mistake.file).read_text(encoding="utf-8-sig", errors="replace")
    return excuses.excused(of_mistake(mistake), text.splitlines())
