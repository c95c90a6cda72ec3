"""locking: the upstream images of a project, and a digest for each that has none in the lock."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bedplate.pins import Reference, Wanted, refuse
from bedplate.reads import all_mistakes
from bedplate.step import DockerfileFiles, Task, Upstream
from bedplate.tasks.console import Silent

if TYPE_CHECKING:
    from bedplate.errors import StepError
    from bedplate.tasks.session import Session


class Upstreams:
    """Of one session. `names`: of the tasks whose upstream images are meant; None: all."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, names: Collection[str] | None = None) -> list[Reference]:
        """Where they stand. Raises SpecError with every mistake in the tasks' files."""
        session = self._session
        tasks = [t for t in session.tasks if (names is None or t.name in names) and _from_upstream(t)]
        all_mistakes(tasks, session.reads)
        return [reference for task in tasks for reference in session.reads.upstream(task)]

    def digests(self, references: Sequence[str]) -> Mapping[str, str | StepError]:
        """What the registries say today, or why one is not known."""
        return self._session.clients(Silent()).upstream.digests(references)

    def triggers(self, wanted: Sequence[Wanted]) -> Mapping[Wanted, tuple[str, ...] | StepError]:
        """Their ONBUILD instructions, or why they are not known."""
        return self._session.clients(Silent()).upstream.triggers(wanted)

    def pin(
        self, names: Collection[str] | None = None, *, locked: bool, write: bool, go_on: bool = False
    ) -> Iterator[str]:
        """Takes a digest for each that has none; what it did, a line for each.

        `locked`: none may be taken. `write`: into the lock, not for this process alone. Raises SpecError, StepError;
        to `go_on`, the tasks that need a digest which nobody says are the ones to fail."""
        session, pins = self._session, self._session.pins
        while True:
            found, before = self.of(names), session.triggers.known
            missing = [r for r in pins.missing(found) if r.key not in pins.unknown]
            if missing and (locked or os.environ.get("CI")):
                raise refuse(missing, "--locked" if locked else "CI is set")
            if missing and write:
                yield from pins.take(missing, self.digests, self.triggers, go_on=go_on)
            elif missing:
                yield from pins.suppose(missing, self.digests, self.triggers)
            session.triggers.learn(found, self.triggers)
            if session.triggers.known == before:
                return
            session.reads.forget_all()  # ONBUILD of a parent takes files, and may name further images


def _from_upstream(task: Task) -> bool:
    return any(isinstance(files, (DockerfileFiles, Upstream)) for files in task.files)
