"""log: where the words of a running task go."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Protocol


class Log(Protocol):
    """Where a running task's words go: to the terminal and to a file of the task's own."""

    @property
    def path(self) -> Path: ...

    def line(self, text: str) -> None:
        """Output of a tool, as it comes; without the line break."""

    def note(self, text: str) -> None:
        """One line about what was decided or found: `reused 127.0.0.1:5000/iris/os@sha256:...`."""

    def progress(self, what: str, done: float, total: float | None) -> None:
        """How far a long operation is, in bytes or counts; shown on a terminal only. `total` None: nobody knows."""

    def ask(self, question: str) -> str:
        """What the user types to it; "" where nobody answers."""


of_task: ContextVar[Log | None] = ContextVar("of_task", default=None)  # of the task that this thread runs
