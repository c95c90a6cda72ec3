"""waiting: the pause before a request is sent again; one that a user would notice is told."""

from __future__ import annotations

import time

from bedplate import log

TOLD_S = 3.0  # from which on


def pause(seconds: float, what: str, why: object) -> None:
    """`what`: the request, without a secret in it; `why`: it is sent again, a status or what went wrong."""
    of_task = log.of_task.get()
    if of_task is not None and seconds >= TOLD_S:
        of_task.note(f"{what}: {why}; asked again in {seconds:.0f} s")
    time.sleep(seconds)
