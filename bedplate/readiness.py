"""readiness: waits until a service answers, or says why it does not."""

from __future__ import annotations

import time
from collections.abc import Callable

from bedplate.answer import Answer, Message, NotUp, Reply, TooSlow, shown

POLL_S = 0.02
LOOK_S = 0.25  # how often it is asked whether the service's process has ended
ONE_S = 5.0  # a server takes the connection before its workers are up, and answers when they are

Send = Callable[[Message, float], Reply]


def wait(send: Send, url: str, within_s: float, ended: Callable[[], str | None]) -> str | None:
    """None as soon as GET `url` is answered with 200 to 399, as Kubernetes' probes judge it; else why not, in words.

    `ended` says why no answer can come any more (the container has exited), or None."""
    began = looked = time.monotonic()
    message = Message("GET", url, {}, None)
    while True:
        left = began + within_s - time.monotonic()
        reply = send(message, max(min(ONE_S, left), POLL_S))
        if isinstance(reply, Answer) and 200 <= reply.status < 400:
            return None
        now = time.monotonic()
        # whoever drops a connection may have ended
        if now - looked > LOOK_S or isinstance(reply, NotUp):
            looked = now
            why = ended()
            if why:
                return why
        if now - began > within_s:
            return f"not ready within {within_s:g} s: GET {url}: {told(reply)}"
        time.sleep(POLL_S)


def told(reply: Reply) -> str:
    """What came of a request, in words."""
    if isinstance(reply, Answer):
        return f"{reply.status} {shown(reply.body)}"
    return f"no answer within {reply.seconds:g} s" if isinstance(reply, TooSlow) else reply.why
