"""azure.under_way: what Azure does for a run at this moment, and what becomes of that when the run is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from bedplate.errors import StepError
from bedplate.frozen import dataclass

BEGUN_WITHIN_S = 10.0  # an answer that names what has begun, so that it can be cancelled
CANCELLED_WITHIN_S = 20.0  # all that is cancelled, at once
SILENT_S = 1.0  # a user who waits longer is told for what
SHOWN_BY = "\n  shown by: "

Begun = Callable[[str, Callable[[], None], str], None]


@dataclass(frozen=True)
class _Cancel:
    cancel: Callable[[], None]
    by_hand: str  # a command


class UnderWay:
    """Of one run; safe between its threads. A `what` is for people: `run ca1 of acr`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._over = False
        self._free = threading.local()  # threads that go on after the run is over
        self._beginning: dict[str, str] = {}
        self._cancels: dict[str, _Cancel] = {}
        self._notes: dict[str, str] = {}

    @contextmanager
    def beginning(self, what: str, shown_by: str) -> Iterator[Begun]:
        """A request that begins what can be cancelled: an interrupted run waits for its answer.

        With that, the block says what has begun, what cancels it, and the command that does so by hand."""
        self.go_no_further_if_over()
        self._free.ever = True
        with self._changed:
            self._beginning[what] = shown_by
        try:
            yield self._begun
        except KeyboardInterrupt:  # of `doit -n 0`: nobody is left to take the answer
            self._notes[what] = _may_have_begun(what, shown_by)
            raise
        finally:
            self._free.ever = False
            with self._changed:
                self._beginning.pop(what, None)
                self._changed.notify_all()

    @contextmanager
    def cancelling(self, what: str, cancel: Callable[[], None], by_hand: str) -> Iterator[None]:
        """What goes on in Azure meanwhile: `cancel` ends it if the user interrupts, or something raises."""
        self._begun(what, cancel, by_hand)
        with _until_it_ends(self._cancels, what):
            try:
                yield
            except Exception:
                with suppress(StepError):
                    cancel()
                raise

    @contextmanager
    def going_on(self, what: str, shown_by: str = "", does: str = "goes on") -> Iterator[None]:
        """What is in Azure even if nobody waits for it: it cannot be cancelled. `shown_by`: a command."""
        note = f"{does} in Azure: {what}" + (f"{SHOWN_BY}`{shown_by}`" if shown_by else "")
        with self._changed:
            self._notes[what] = note
        with _until_it_ends(self._notes, what):
            yield

    def goes_on(self) -> list[str]:
        return list(self._notes.values())

    def go_no_further_if_over(self) -> None:
        """Before a request that changes something: the threads of an interrupted run live on until its last word."""
        if self._over and not getattr(self._free, "ever", False):
            threading.Event().wait()

    def interrupted(self) -> Iterator[str]:
        """After Ctrl-C, when no task's own `finally` runs any more: cancels what can be; a line for each thing."""
        with self._changed:
            self._over = True
            answered = self._changed.wait_for(lambda: not self._beginning, SILENT_S)
        if not answered:
            waits = ", ".join(self._beginning)
            yield f"waiting for Azure's answer, to cancel {waits}; Ctrl-C again does not wait for it"
        with self._changed:
            self._changed.wait_for(lambda: not self._beginning, BEGUN_WITHIN_S)
            begun = [_may_have_begun(*one) for one in self._beginning.items()]
            going, cancels = self.goes_on(), dict(self._cancels)
        yield from self._cancelled(cancels)
        yield from begun
        yield from going

    def _begun(self, what: str, cancel: Callable[[], None], by_hand: str) -> None:
        with self._changed:
            self._cancels[what] = _Cancel(cancel, by_hand)

    def _cancelled(self, cancels: Mapping[str, _Cancel]) -> Iterator[str]:
        """All at once: a service that does not answer holds up one of them alone."""
        ended: dict[str, str] = {}  # "": well

        def end(what: str, cancel: Callable[[], None]) -> None:
            self._free.ever = True
            try:
                cancel()
                why = ""
            except StepError as error:
                why = error.message
            with self._changed:
                ended[what] = why
                self._changed.notify_all()

        for what, one in cancels.items():
            threading.Thread(target=end, args=(what, one.cancel), daemon=True).start()
        with self._changed:
            told = self._changed.wait_for(lambda: len(ended) == len(cancels), SILENT_S)
        if not told:
            yield f"cancelling in Azure: {', '.join(cancels)}; Ctrl-C again does not wait for it"
        with self._changed:
            self._changed.wait_for(lambda: len(ended) == len(cancels), CANCELLED_WITHIN_S)
        for what, one in cancels.items():
            why = ended.get(what, "no answer")
            if why:
                yield f"not cancelled in Azure: {what}: {why}\n  cancelled by: `{one.by_hand}`"
            else:
                yield f"cancelled in Azure: {what}"


@contextmanager
def _until_it_ends(known: dict[str, Any], what: str) -> Iterator[None]:
    """Ctrl-C may end the block itself: in `doit -n 0` a task has the main thread. Then `what` is still to be told."""
    try:
        yield
    except Exception:
        known.pop(what, None)
        raise
    else:
        known.pop(what, None)


def _may_have_begun(what: str, shown_by: str) -> str:
    return f"may have begun in Azure: {what}{SHOWN_BY}`{shown_by}`"
