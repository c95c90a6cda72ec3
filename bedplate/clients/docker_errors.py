"""docker_errors: what an engine refuses, and why one does not answer, in words a user can act on."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from bedplate.errors import StepError

FULL = "no space left on device"


class EngineError(StepError):
    """The engine refused. `status`: that of its HTTP answer, 0 where the error came in a stream."""

    def __init__(self, message: str, status: int = 0, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint, detail)
        self.status = status


@contextmanager
def asking(what: str, address: str) -> Iterator[None]:
    """What http.client, docker-py and requests raise becomes StepError. `what` is being done, in the user's words."""
    try:
        yield
    except Exception as error:
        if isinstance(error, _docker_py("APIError")):
            raise refused(what, error) from None
        # an error of requests is an OSError
        if isinstance(error, (OSError, HTTPException, *_docker_py("DockerException"))):
            raise unanswered(what, address, error) from None
        raise


def _docker_py(name: str) -> tuple[type[Exception], ...]:
    """An exception of docker-py's, once that has been imported: before, it cannot have been raised.

    Another thread may be importing it just now."""
    found = getattr(sys.modules.get("docker.errors"), name, None)
    return (found,) if found else ()


def refused(what: str, error: Any) -> EngineError:  # Any: docker-py has no types
    """An APIError with its request: method, path without its query (it may hold a password), status, words."""
    request, status = error.response.request, int(error.response.status_code)
    said = str(error.explanation or error.response.reason or "").strip()
    path = urlsplit(request.url).path
    return EngineError(f"{what}: {request.method} {path}: {status} {said}", status, hint(said))


def in_stream(what: str, message: dict[str, Any]) -> EngineError | None:
    """The error that an entry of the engine's JSON stream reports, if it does."""
    if "error" not in message and "errorDetail" not in message:
        return None
    said = str((message.get("errorDetail") or {}).get("message") or message.get("error") or "").strip()
    return EngineError(f"{what}: {said}", 0, hint(said))


def hint(said: str) -> str:
    if FULL in said:
        return "`docker system df` shows what fills the disk; `docker builder prune` frees the build cache"
    if "HTTP response to HTTPS client" in said:
        return (
            "the registry speaks plain HTTP: name it in `insecure-registries` of the engine's daemon.json "
            "(podman: `insecure = true` in /etc/containers/registries.conf)"
        )
    if "x509" in said:
        return "the engine does not trust this certificate: put its CA into /etc/docker/certs.d/<host>/ca.crt"
    return ""


def lacks(what: str, address: str) -> EngineError:
    """The engine answers 404 for what is there: it knows less than its version of the API says."""
    message = f"{what}: the engine at {address} lacks this call of Docker's API (Podman 4 does)"
    return EngineError(message, 404, "services need Docker's engine; images can be built and pushed with this one")


def unanswered(what: str, address: str, error: BaseException) -> StepError:
    """Nobody answered, or went away in the middle."""
    causes = list(_causes(error))
    text = " ".join(str(cause) for cause in causes)
    if any(isinstance(cause, PermissionError) for cause in causes) or "Permission denied" in text:
        return StepError(
            f"{what}: no permission to use the container engine at {address}",
            "sudo usermod -aG docker $USER, then sign in again",
        )
    down = any(isinstance(cause, (FileNotFoundError, ConnectionRefusedError)) for cause in causes)
    if down or re.search("Connection refused|No such file", text):
        return StepError(
            f"{what}: no container engine answers at {address}",
            "start it (`sudo systemctl start docker`, or Docker Desktop), or say in DOCKER_HOST where it is",
        )
    if any("timed out" in str(cause).lower() for cause in causes):
        return StepError(f"{what}: the container engine at {address} does not answer in time")
    return StepError(f"{what}: the container engine at {address} went away: {error}", "`docker info` shows its state")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # requests and urllib3 put the error that they wrap into `args`, docker-py into `__cause__`
    seen: set[int] = set()
    todo = [error]
    while todo:
        one = todo.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += [one.__cause__, one.__context__, *(arg for arg in one.args if isinstance(arg, BaseException))]
