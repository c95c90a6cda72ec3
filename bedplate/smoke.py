"""smoke: one smoke case of a service, sent and judged."""

from __future__ import annotations

import mimetypes
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urljoin

from bedplate.answer import Answer, Message, NotUp, Reply, TooSlow, shown
from bedplate.expectation import problems
from bedplate.frozen import dataclass
from bedplate.model import SmokeCase
from bedplate.readiness import POLL_S, Send, told

PATIENCE_S = 60.0  # for one answer
DROPS = 3  # connections closed without an answer, after which the request is what ends the service
NOT_UP = (429, 502, 503)  # what stands before a service, or the service itself, says "later" with
BUSY_S = 0.5  # before the next try, where the answer is "too often" and does not say how long to wait
REFUSED = (
    "the sign-in is refused there: where keys were renewed just now, run again; with `auth_mode: aad_token` the role"
    " 'AzureML Data Scientist' may be missing"
)
BUSY = "the service, or what stands before it, is busy, and stayed so: run again later"


@dataclass(frozen=True)
class Outcome:
    """`answer`: None where none came. `problems`: in the user's words; empty: as expected.

    `hint`: where the way to the service is to be mended, and not the service."""

    case: str
    answer: Answer | None
    problems: tuple[str, ...]
    hint: str = ""

    def __str__(self) -> str:
        if self.answer is None:
            return f"{self.case}: no answer"
        took = f"{self.answer.seconds * 1000:.0f} ms"
        return f"{self.case}: {self.answer.status} in {took}: {shown(self.answer.body)}"


def message(case: SmokeCase, url: str, root: Path, headers: Mapping[str, str] | None = None) -> Message:
    """The request of a case to the service with this scoring URL. `root`: where its `file` is relative to.

    `headers`: the caller's sign-in; those of the case itself go first."""
    import json

    request = case.request
    body, kind = None, ""
    if request.has_json:
        body, kind = json.dumps(request.json).encode(), "application/json"
    elif request.body is not None:
        body, kind = request.body.encode(), "text/plain; charset=utf-8"
    elif request.file is not None:
        body = (root / request.file).read_bytes()
        kind = mimetypes.guess_type(request.file)[0] or "application/octet-stream"
    own = {name.lower() for name in request.headers}
    headers = {name: value for name, value in (headers or {}).items() if name.lower() not in own}
    headers |= request.headers
    if kind and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = kind
    return Message(request.method, urljoin(url, request.path) if request.path else url, headers, body)


def outcome(
    case: SmokeCase, sent: Message, send: Send, until: float, ended: Callable[[], str | None] = lambda: None
) -> Outcome:
    """Sends the request until an answer comes, and judges that one: a wrong answer is never asked for again.

    "Not up yet" is a refused or dropped connection, or 429, 502 or 503 where not expected; it is tried again until
    `until` (time.monotonic), or until `ended` says why it is of no use. A latency limit is judged on the request that
    was answered: the first one is not warmed up, as no client's first request is."""
    drops = 0
    limit = max(PATIENCE_S, (case.expect.within_ms or 0) / 1000 + 1)
    while True:
        reply = send(sent, limit)
        if isinstance(reply, TooSlow):
            return Outcome(case.name, None, (f"no complete answer within {reply.seconds:g} s",))
        if not _not_up(reply, case.expect.status):
            assert isinstance(reply, Answer)
            wrong = problems(case.expect, reply)
            return Outcome(case.name, reply, wrong, REFUSED if wrong and _refused(sent, reply, case) else "")
        drops += isinstance(reply, NotUp) and reply.dropped
        answer = reply if isinstance(reply, Answer) else None
        why = ended() if isinstance(reply, NotUp) else None
        hint = reply.hint if isinstance(reply, NotUp) else BUSY if answer and answer.status in (429, 503) else ""
        if why or drops >= DROPS:
            why = why or "this request ends the process that serves it"
            return Outcome(case.name, answer, (f"{told(reply)}: {why}",))
        pause = 10 * POLL_S if drops else POLL_S
        if answer:
            pause = max(answer.retry_after, BUSY_S if answer.status == 429 else POLL_S)
        if time.monotonic() + pause > until or (isinstance(reply, NotUp) and reply.lasting):
            return Outcome(case.name, answer, (f"not up: {sent.method} {sent.url}: {told(reply)}",), hint)
        time.sleep(pause)


def _refused(sent: Message, reply: Answer, case: SmokeCase) -> bool:
    """Whether a sign-in that was sent along is not taken: no fault of what serves."""
    signed_in = "authorization" in {name.lower() for name in sent.headers}
    return signed_in and reply.status in (401, 403) and reply.status != case.expect.status


def _not_up(reply: Reply, expected: int) -> bool:
    return isinstance(reply, NotUp) or (
        isinstance(reply, Answer) and reply.status in NOT_UP and reply.status != expected
    )
