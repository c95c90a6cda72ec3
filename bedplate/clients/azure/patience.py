"""azure.patience: how long Azure is asked again while it calls a failure temporary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bedplate.clients import waiting
from bedplate.clients.azure import errors
from bedplate.clients.registry_errors import no_bundle
from bedplate.errors import StepError
from bedplate.frozen import dataclass

if TYPE_CHECKING:
    import requests

THROTTLED = (429, 503)  # nothing was done: any request may be sent again
UNCERTAIN = (500, 502, 504)  # it may have been done: only what is safe to repeat is sent again
REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
PAUSE_S, LONGEST_PAUSE_S = 0.5, 20.0


@dataclass(frozen=True)
class Patience:
    """Seconds. `connect`, `read`: for one try; `retry`: how long what is temporary is tried again."""

    connect: float = 10.0
    read: float = 120.0
    retry: float = 120.0


def patiently(
    ask: Callable[[], requests.Response],
    method: str,
    url: str,
    patience: Patience,
    named: str = "",
    *,
    repeatable: bool = False,
) -> requests.Response:
    """Asked again while the service calls the failure temporary, and there is time. OutOfSightError: no answer came.

    `named`: where the address comes from, for people. `repeatable`: what this POST asks for can be done twice."""
    import requests

    repeatable = repeatable or method in REPEATABLE
    until, pause = time.monotonic() + patience.retry, PAUSE_S
    while True:
        wait, failure, answer = pause, None, None
        try:
            answer = ask()
            again = answer.status_code in THROTTLED or (answer.status_code in UNCERTAIN and repeatable)
            if not again:
                return answer
            wait = max(pause, errors.retry_after(answer.headers))
        except OSError as error:
            if not (isinstance(error, requests.RequestException) or no_bundle(error)):
                raise
            failure = errors.unreachable(method, url, error, named)
            if not repeatable or not errors.temporary(error):
                raise failure from None
        if time.monotonic() + wait > until:
            if failure or answer is None:
                raise failure or StepError(f"{method} {errors.short(url)}: no answer")
            return answer
        waiting.pause(wait, f"{method} {errors.short(url)}", answer.status_code if answer is not None else "no answer")
        pause = min(pause * 2, LONGEST_PAUSE_S)
