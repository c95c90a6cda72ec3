"""Long operations: begun by a PUT or DELETE; they go on by themselves, whether or not anybody asks for them."""

from __future__ import annotations

import datetime
import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .exchange import Answer, Refused

RUNNING = "InProgress"


@dataclass
class Operation:
    """`finish` is called once, when it ends well; it may raise Refused, whose error then ends it as Failed.

    `settle` is then told how it ended, and shows it at the resource."""

    id: str
    resource: str
    finish: Callable[[], None]
    settle: Callable[[str], None]
    started: str
    begun: float  # time.monotonic()
    ends: str = "Succeeded"
    error: dict[str, Any] | None = None
    status: str = RUNNING


@dataclass
class Ending:
    pattern: str
    status: str
    error: dict[str, Any]


@dataclass
class Operations:
    """`retry_after`: seconds, as answers say; 0: they say nothing. The document allows 10 to 600."""

    retry_after: int = 0
    _lasts: float = 0.2
    _held: set[str] = field(default_factory=set)
    _by_id: dict[str, Operation] = field(default_factory=dict)
    _endings: list[Ending] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _over: bool = False

    @property
    def lasts(self) -> float:
        """Seconds from its begin until an operation ends, those under way too; 0: it has ended when it is answered.

        What its end takes beside that, such as the start of a container, comes on top."""
        return self._lasts

    @lasts.setter
    def lasts(self, seconds: float) -> None:
        with self._changed:
            self._lasts = seconds
            self._changed.notify_all()

    def hold(self, pattern: str) -> None:
        """Operations on a resource whose id matches do not end before `let_go`."""
        with self._changed:
            self._held.add(pattern)

    def let_go(self) -> None:
        """What was held goes on, and ends in its time."""
        with self._changed:
            self._held.clear()
            self._changed.notify_all()

    def end_next(self, pattern: str, status: str, code: str, message: str) -> None:
        """The next operation on a resource whose id matches ends `Failed` or `Canceled` with this error."""
        self._endings.append(Ending(pattern, status, {"code": code, "message": message}))

    def begin(self, resource: str, finish: Callable[[], None], settle: Callable[[str], None]) -> Operation:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        operation = Operation(str(uuid.uuid4()), resource, finish, settle, now, time.monotonic())
        with self._changed:
            for ending in self._endings:
                if re.search(ending.pattern, resource, re.IGNORECASE):
                    self._endings.remove(ending)
                    operation.ends, operation.error = ending.status, ending.error
                    break
            self._by_id[operation.id] = operation
        if self._left(operation) <= 0:
            self._end(operation)
        else:
            threading.Thread(target=self._go_on, args=(operation,), daemon=True).start()
        return operation

    def get(self, id: str) -> Operation:
        with self._changed:
            operation = self._by_id.get(id)
        if operation is None:
            raise Refused(404, "OperationNotFound", f"The operation '{id}' was not found.")
        return operation

    def running(self, resource: str) -> bool:
        with self._changed:
            return any(o.resource == resource and o.status == RUNNING for o in self._by_id.values())

    def end(self) -> None:
        """No operation ends any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _left(self, operation: Operation) -> float:
        """Seconds until it ends."""
        if any(re.search(pattern, operation.resource, re.IGNORECASE) for pattern in self._held):
            return threading.TIMEOUT_MAX
        return operation.begun + self._lasts - time.monotonic()

    def _go_on(self, operation: Operation) -> None:
        with self._changed:
            while not self._over and (left := self._left(operation)) > 0:
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
        if not self._over:
            self._end(operation)

    def _end(self, operation: Operation) -> None:
        ends = operation.ends
        if ends == "Succeeded":
            try:
                operation.finish()
            except Refused as refused:
                ends, operation.error = "Failed", _error(refused.answer)
            except Exception as error:
                ends = "Failed"
                operation.error = {"code": "InternalServerError", "message": f"the stand-in's own mistake: {error!r}"}
        with self._changed:  # resource and operation say the same to everybody
            operation.settle(ends)
            operation.status = ends


def _error(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer.body, bytes)
    error: dict[str, Any] = json.loads(answer.body)["error"]
    return error
