"""What goes wrong on demand: "the next N requests that match this get that"."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field

from .exchange import Answer, Refused, Request


@dataclass
class Fault:
    """The next `times` requests (None: all) of `method` whose decoded path and query match `pattern` get `answer`.

    `answer` None: the usual one. `skip`: that many matching requests pass before. `delay`: seconds before the answer.
    `cut`: the connection is closed without an answer. `gate`: it waits there."""

    pattern: str
    answer: Answer | None
    method: str | None = None
    times: int | None = 1
    skip: int = 0
    delay: float = 0
    cut: bool = False
    hits: int = 0
    gate: Gate | None = None


@dataclass
class Gate:
    """A request stands before it until it is opened. `done`: what it asks for has been done, and not been answered."""

    done: bool
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def stand(self) -> None:
        self.reached.set()
        self.opened.wait(120)


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        self._faults.clear()

    def take(self, request: Request) -> Fault | None:
        """The first fault that this request meets; counts it."""
        with self._lock:
            for fault in self._faults:
                if fault.method not in (None, request.method) or fault.times == 0:
                    continue
                if not re.search(fault.pattern, request.path, re.IGNORECASE):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                fault.hits += 1
                return fault
        return None

    # ---- the usual ones, in the service's words

    def refuse(
        self,
        pattern: str,
        status: int,
        code: str,
        message: str,
        *,
        method: str | None = None,
        times: int | None = 1,
        skip: int = 0,
        retry_after: int | None = None,
    ) -> Fault:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return self.add(Fault(pattern, Refused(status, code, message, headers).answer, method, times, skip))

    def forbidden(self, pattern: str, action: str, scope: str, *, times: int | None = None) -> Fault:
        """403 as the Resource Manager says it where a role is missing."""
        message = (
            "The client '11111111-1111-1111-1111-111111111111' with object id '22222222-2222-2222-2222-222222222222' "
            f"does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials."
        )
        return self.refuse(pattern, 403, "AuthorizationFailed", message, times=times)

    def throttled(self, pattern: str, *, times: int = 1, retry_after: int = 1) -> Fault:
        message = "The request was throttled. Please try again later."
        return self.refuse(pattern, 429, "TooManyRequests", message, times=times, retry_after=retry_after)

    def unavailable(self, pattern: str, *, times: int = 1, retry_after: int = 1) -> Fault:
        message = "The service is temporarily unavailable. Please retry after some time."
        return self.refuse(pattern, 503, "ServiceUnavailable", message, times=times, retry_after=retry_after)

    def quota(self, pattern: str = "/deployments/", *, times: int | None = 1) -> Fault:
        """A deployment for which there are not enough cores left: the reason stands two levels deep, as text."""
        reason = (
            "Not enough quota available for Standard_DS3_v2 in SubscriptionId 34b6d3b4-0b8c-4f0e-9d4e-6b1c5a1f0001. "
            "Current usage/limit: 24/24. Additional needed: 8 Please see troubleshooting guide, available here: "
            "https://aka.ms/oe-tsg#error-outofquota"
        )
        detail = json.dumps(
            {"errors": {"VmSize": [reason]}, "title": "One or more validation errors occurred.", "status": 400}
        )
        text = f"InferencingClient HttpRequest error, error detail: {detail}"
        details = [("InferencingClientCreateDeploymentFailed", text)]
        refused = Refused(400, "BadRequest", "The request is invalid.", details=details)
        return self.add(Fault(pattern, refused.answer, "PUT", times))

    def login_refused(self, *, times: int | None = None) -> Fault:
        """A token that the login server does not take: another tenant's, or of an account without a role."""
        message = "authentication required, visit https://aka.ms/acr/authorization for more information."
        answer = Answer.of({"errors": [{"code": "UNAUTHORIZED", "message": message}]}, 401)
        return self.add(Fault(r"^/oauth2/exchange", answer, times=times))

    def network_restricted(self, *, times: int | None = None) -> Fault:
        """The registry's data plane, for a client whose address its firewall does not let in."""
        message = (
            "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."
        )
        answer = Answer.of({"errors": [{"code": "DENIED", "message": message}]}, 403)
        return self.add(Fault(r"^/(v2|oauth2)/", answer, times=times))

    def broken_log(self, *, times: int | None = 1) -> Fault:
        """The next reads of a run's log end in the middle."""
        return self.add(Fault(r"/logs/", Answer(200, b"x" * 100, {}, broken=True), "GET", times))

    def expired_upload(self, *, times: int | None = 1) -> Fault:
        """The next uploads meet a URL that is valid no more, as the blob service says it."""
        return self.add(Fault(r"^/(?!subscriptions)", expired_signature(), "PUT", times))

    def slow(self, pattern: str, seconds: float, *, method: str | None = None, times: int | None = 1) -> Fault:
        """The next answers come late, but come."""
        return self.add(Fault(pattern, None, method, times, delay=seconds))

    def gate(self, pattern: str, *, method: str | None = None, skip: int = 0, done: bool = False) -> Gate:
        """The next request stands still, before or after it is `done`, until the gate is opened."""
        gate = Gate(done)
        self.add(Fault(pattern, None, method, 1, skip, gate=gate))
        return gate

    def cut(self, pattern: str, *, method: str | None = None, times: int | None = 1) -> Fault:
        """The next connections are closed without an answer."""
        return self.add(Fault(pattern, Answer(), method, times, cut=True))


def expired_signature() -> Answer:
    text = (
        '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to '
        "authenticate the request. Make sure the value of Authorization header is formed correctly including the "
        "signature.</Message><AuthenticationErrorDetail>Signed expiry time has to be after signed start time"
        "</AuthenticationErrorDetail></Error>"
    )
    return Answer(403, text.encode(), {"Content-Type": "application/xml", "x-ms-error-code": "AuthenticationFailed"})
