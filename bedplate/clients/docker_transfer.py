"""docker_transfer: images on their way between an engine and a registry."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from bedplate.clients.docker_errors import EngineError, in_stream
from bedplate.errors import StepError

if TYPE_CHECKING:
    from bedplate.clients.credentials import Login
    from bedplate.clients.docker_engine import Engine
    from bedplate.log import Log

T = TypeVar("T")

DEADLINE_S = 120.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0
# RFC 9110, "Server Error 5xx" that may pass, 429 of RFC 6585, and connections that broke: in the engine's words,
# since its stream has no status
TEMPORARY = re.compile(
    r"toomanyrequests|Too Many Requests|\b(?:429|502|503|504)\b|Bad Gateway|Service Unavailable|Gateway Timeout"
    r"|connection reset|unexpected EOF|\bEOF$|i/o timeout|TLS handshake timeout|broken pipe",
    re.IGNORECASE,
)
DENIED = re.compile(r"unauthorized|denied|no basic auth credentials|authentication required", re.IGNORECASE)


def pull(engine: Engine, ref: str, platform: str | None, auth: Login | None, log: Log) -> str:
    """Image id. Raises StepError; one that names the platform where the registry has another only."""
    name, tag = _split(ref)

    def once() -> None:
        with engine.asking(f"pulling {ref}"):
            stream = engine.api.pull(name, tag, stream=True, decode=True, platform=platform, auth_config=_auth(auth))
            _follow(stream, f"pulling {ref}", log)

    _patiently(once, log)
    image = engine.image(ref)
    if image is None:
        raise StepError(f"pulling {ref}: the engine says it has pulled the image, but does not have it")
    return str(image["Id"])


def push(engine: Engine, ref: str, auth: Login | None, log: Log) -> str | None:
    """`sha256:...` as the engine says it; None where it does not."""
    name, tag = _split(ref)

    def once() -> str | None:
        with engine.asking(f"pushing {ref}"):
            stream = engine.api.push(name, tag, stream=True, decode=True, auth_config=_auth(auth))
            return _follow(stream, f"pushing {ref}", log)

    return _patiently(once, log)


def _follow(stream: Iterable[dict[str, Any]], what: str, log: Log) -> str | None:
    """Shows how far the layers are, all taken together; returns the digest that the stream ends with."""
    digest = None
    layers: dict[str, tuple[float, float]] = {}
    for message in stream:
        error = in_stream(what, message)
        if error:
            raise _denied(error)
        aux = message.get("aux") or {}
        digest = aux.get("Digest") or digest
        detail, layer = message.get("progressDetail") or {}, message.get("id")
        if layer and detail.get("total"):
            layers[layer] = (float(detail.get("current") or 0), float(detail["total"]))
            done, total = (sum(sizes) for sizes in zip(*layers.values(), strict=True))
            log.progress(what, done, total)
    return digest


def _patiently(once: Callable[[], T], log: Log) -> T:
    until, pause = time.monotonic() + DEADLINE_S, FIRST_PAUSE_S
    while True:
        try:
            return once()
        except EngineError as error:
            if not TEMPORARY.search(error.message) or DENIED.search(error.message) or time.monotonic() + pause > until:
                raise
            log.note(f"{error.message}: again in {pause:.0f} s")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def _denied(error: EngineError) -> EngineError:
    if DENIED.search(error.message) and not error.hint:
        error.hint = "sign in with `docker login <registry>`, or give username and password in pipeline.yaml"
    return error


def _auth(login: Login | None) -> dict[str, str]:
    # empty and not None: docker-py would look for credentials of its own
    if login is None:
        return {}
    if login.identity:
        return {"identitytoken": login.password.reveal()}
    return {"username": login.username, "password": login.password.reveal()}


def _split(ref: str) -> tuple[str, str]:
    """Name and tag or digest. (Engine API: `tag` of POST /images/create takes either)"""
    name, at, digest = ref.partition("@")
    if at:
        # a tag beside a digest is for people only
        return name if ":" not in name.rpartition("/")[2] else name.rpartition(":")[0], digest
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return head + slash + last, tag or "latest"
