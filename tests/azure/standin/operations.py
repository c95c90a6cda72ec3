"""Long operations: begun by a PUT or DELETE, asked for until they end."""

from __future__ import annotations

import datetime
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .exchange import Answer, Refused

RUNNING = "InProgress"


@dataclass
class Operation:
    """`finish` is called once, when it ends well; it may raise Refused, whose error then ends it as Failed."""

    id: str
    resource: str
    finish: Callable[[], None]
    left: int  # polls that still say InProgress
    started: str
    ends: str = "Succeeded"
    error: dict[str, Any] | None = None
    status: str = RUNNING


@dataclass
class Ending:
    pattern: str
    status: str
    error: dict[str, Any]
    undo: Callable[[], None] | None = None


@dataclass
class Operations:
    """`polls`: how often an operation is found running before it ends.

    `retry_after`: seconds, as answers say; 0: they say nothing. The document allows 10 to 600."""

    polls: int = 1
    retry_after: int = 0
    _by_id: dict[str, Operation] = field(default_factory=dict)
    _endings: list[Ending] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def end_next(self, pattern: str, status: str, code: str, message: str) -> None:
        """The next operation on a resource whose id matches ends `Failed` or `Canceled` with this error."""
        self._endings.append(Ending(pattern, status, {"code": code, "message": message}))

    def begin(self, resource: str, finish: Callable[[], None]) -> Operation:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        operation = Operation(str(uuid.uuid4()), resource, finish, self.polls, now)
        with self._lock:
            for ending in self._endings:
                if re.search(ending.pattern, resource, re.IGNORECASE):
                    self._endings.remove(ending)
                    operation.ends, operation.error = ending.status, ending.error
                    break
            self._by_id[operation.id] = operation
        return operation

    def get(self, id: str) -> Operation:
        operation = self._by_id.get(id)
        if operation is None:
            raise Refused(404, "OperationNotFound", f"The operation '{id}' was not found.")
        return operation

    def poll(self, id: str, fail: Callable[[str, str], None]) -> Operation:
        """One step nearer to the end. `fail(resource, state)` marks the resource when it ends otherwise than well."""
        operation = self.get(id)
        with self._lock:
            if operation.status != RUNNING:
                return operation
            if operation.left > 0:
                operation.left -= 1
                return operation
            operation.status = operation.ends
            if operation.status == "Succeeded":
                try:
                    operation.finish()
                except Refused as refused:
                    operation.status, operation.error = "Failed", _error(refused.answer)
            if operation.status != "Succeeded":
                fail(operation.resource, operation.status)
        return operation

    def finish(self, pattern: str) -> None:
        """What works on a resource whose id matches ends well, whether or not somebody asks for it."""
        with self._lock:
            for operation in self._by_id.values():
                if operation.status == RUNNING and re.search(pattern, operation.resource, re.IGNORECASE):
                    operation.left = 0
                    self.poll(operation.id, lambda *_: None)

    def running(self, resource: str) -> bool:
        return any(o.resource == resource and o.status == RUNNING for o in self._by_id.values())


def _error(answer: Answer) -> dict[str, Any]:
    import json

    assert isinstance(answer.body, bytes)
    error: dict[str, Any] = json.loads(answer.body)["error"]
    return error
