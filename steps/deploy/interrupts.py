"""interrupts: what Ctrl-C does not leave half done, and what it does not leave behind, while a service is deployed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bedplate.errors import StepError
from bedplate.log import Log

LOOK_S = 0.05  # how often it is asked whether the run has been interrupted
LATE_S = 10.0  # the engine may be making the container at that moment: it appears after the first look


@contextmanager
def outlived(log: Log) -> Iterator[None]:
    """Between the old container's stop and the new one's answer nothing serves: Ctrl-C must not end a run there.

    doit's threads end with the main one; a thread that is no daemon keeps the process until this is left."""
    settled = threading.Event()

    def hold() -> None:
        while not settled.wait(LOOK_S):
            if not threading.main_thread().is_alive():
                log.note("the port is just changing hands: this is finished first")
                settled.wait()

    threading.Thread(target=hold, daemon=False).start()
    try:
        yield
    finally:
        settled.set()


@contextmanager
def taken_away(remove: Callable[[], bool], told: Callable[[], None]) -> Iterator[None]:
    """After Ctrl-C calls `remove`, which says whether there was a container, until the block has ended; then `told`.

    The block's own thread then goes no further: that its container is gone is no failure to be recorded."""
    over, interrupted = threading.Event(), threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            if not threading.main_thread().is_alive():
                interrupted.set()
                if _away(remove, over):
                    told()
                return

    threading.Thread(target=look, daemon=False).start()
    try:
        yield
    finally:
        over.set()
        if interrupted.is_set():
            threading.Event().wait()


def _away(remove: Callable[[], bool], over: threading.Event) -> bool:
    """Was there a container? Returns once none can come any more."""
    removed, until = False, time.monotonic() + LATE_S
    while True:
        ended = over.is_set()  # asked before the last removal
        with suppress(StepError):  # then the next run takes it away
            removed = remove() or removed
        if ended or time.monotonic() > until:
            return removed
        over.wait(LOOK_S)
