"""azure.operations: long operations of the Resource Manager, followed to their end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bedplate.clients.azure import errors

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure, Reply
    from bedplate.log import Log

PAUSE_S, LONGEST_PAUSE_S = 1.0, 15.0  # where the service names no time
ENDED = ("Succeeded", "Failed", "Canceled")


def wait(azure: Azure, reply: Reply, what: str, log: Log, timeout_s: float) -> dict[str, Any]:
    """By Azure-AsyncOperation, else Location, else the resource's provisioningState (ARM RPC, asynchronous API)."""
    status_at = reply.headers.get("Azure-AsyncOperation")
    result_at = reply.headers.get("Location")
    if status_at:
        _by_status(azure, status_at, reply, what, log, timeout_s)
    elif result_at and reply.status in (201, 202):
        return _by_location(azure, result_at, reply, what, log, timeout_s)
    elif reply.method in ("PUT", "PATCH") and _state(reply.document) not in (*ENDED, ""):
        found = settled(azure, reply.url, "", what, log, timeout_s) or {}
        if _state(found) != "Succeeded":
            raise errors.failed(what, _state(found), {}, reply.url, azure.sign_in.account)
        return found
    else:
        return reply.document
    if reply.method in ("PUT", "PATCH"):
        return azure.send("GET", reply.url, "").document
    if reply.method == "POST" and result_at:
        return azure.send("GET", result_at, "").document
    return {}


def settled(azure: Azure, place: str, api: str, what: str, log: Log, timeout_s: float) -> dict[str, Any] | None:
    """Asks for the resource until its provisioningState is an ending one."""
    clock = _Clock(what, log, timeout_s)
    while True:
        reply = azure.send("GET", place, api, accept=(200, 404))
        if reply.status == 404:
            return None
        state = _state(reply.document)
        if state in (*ENDED, ""):
            return reply.document
        clock.pause(reply, state)


def _by_status(azure: Azure, place: str, begun: Reply, what: str, log: Log, timeout_s: float) -> None:
    clock = _Clock(what, log, timeout_s)
    clock.pause(begun, "")
    while True:
        reply = azure.send("GET", place, "")
        status = str(reply.document.get("status") or _state(reply.document) or "Succeeded")
        if status == "Succeeded":
            return
        if status in ENDED:
            error = reply.document.get("error") or {}
            raise errors.failed(what, status, error, begun.url, azure.sign_in.account)
        clock.pause(reply, status)


def _by_location(azure: Azure, place: str, begun: Reply, what: str, log: Log, timeout_s: float) -> dict[str, Any]:
    clock = _Clock(what, log, timeout_s)
    clock.pause(begun, "")
    while True:
        reply = azure.send("GET", place, "")
        if reply.status != 202:
            return reply.document
        place = reply.headers.get("Location", place)
        clock.pause(reply, "")


class _Clock:
    """How long to wait until the next question, and when to give up."""

    def __init__(self, what: str, log: Log, timeout_s: float) -> None:
        self._what, self._log = what, log
        self._began = time.monotonic()
        self._timeout, self._pause, self._said = timeout_s, PAUSE_S, ""

    def pause(self, reply: Reply, status: str) -> None:
        passed = time.monotonic() - self._began
        if passed > self._timeout:
            raise errors.OutOfSightError(
                f"{self._what}: not done after {self._timeout:.0f} s; Azure goes on with it",
                "run again: what is under way is taken up where it then is",
            )
        if status and status != self._said:
            self._log.line(f"{self._what}: {status}")
            self._said = status
        self._log.progress(f"{self._what}: {status}" if status else self._what, 0, None)
        time.sleep(errors.retry_after(reply.headers) or self._pause)
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE_S)


def _state(document: dict[str, Any]) -> str:
    return str((document.get("properties") or {}).get("provisioningState") or "")
