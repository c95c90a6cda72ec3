"""azure.blobs: signed URLs of Azure's blob storage: contents sent there, growing logs read from there."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from bedplate.clients import retry_after
from bedplate.clients.azure import errors, hints
from bedplate.clients.azure.versions import BLOB
from bedplate.errors import StepError
from bedplate.frozen import dataclass

if TYPE_CHECKING:
    import requests

    from bedplate.clients.azure.patience import Patience
    from bedplate.log import Log
    from bedplate.secrets import Secret

Content: TypeAlias = "Path | bytes | Iterable[bytes]"

ONE_PUT = 8 << 20  # bytes that go in one request; more goes in blocks, so that what breaks off is not begun again
BLOCK = 8 << 20
LOG_PIECE = 4 << 20
DONE = {"PUT": (201,), "GET": (200, 206), "HEAD": (200,)}  # the blob service's statuses where all is well


class ExpiredError(StepError):
    """The URL's signature is valid no more: a new URL must be asked for."""


@dataclass(frozen=True)
class LogPart:
    """`complete`: how the run ended (`successful`, `failed`, ...), "" while the log still grows."""

    content: bytes
    complete: str


def upload(
    url: str,
    content: Content,
    patience: Patience,
    log: Log | None,
    what: str,
    token: Secret | None = None,
) -> None:
    """Put Blob, or Put Block and Put Block List. `url`: signed, or there is a token. Raises ExpiredError, StepError."""
    sign_in = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
    total = (
        len(content) if isinstance(content, bytes) else content.stat().st_size if isinstance(content, Path) else None
    )
    if total is not None and total <= ONE_PUT:
        body = content if isinstance(content, bytes) else Path(str(content)).read_bytes()
        _send("PUT", url, patience, body, {"x-ms-blob-type": "BlockBlob", **sign_in})
        if log and what:
            log.progress(what, total, total)
        return
    names: list[str] = []
    done = 0
    for block in _blocks(content):
        names.append(base64.b64encode(b"%08d" % len(names)).decode())
        _send("PUT", f"{url}&comp=block&blockid={names[-1].replace('=', '%3D')}", patience, block, sign_in)
        done += len(block)
        if log and what:
            log.progress(what, done, total)
    listed = "".join(f"<Latest>{name}</Latest>" for name in names)
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
    _send("PUT", f"{url}&comp=blocklist", patience, body, {"Content-Type": "application/xml", **sign_in})


def read_log(url: str, offset: int, patience: Patience) -> LogPart:
    """What an append blob holds behind `offset` bytes, four megabytes at most. Raises ExpiredError, StepError."""
    head = _send("HEAD", url, patience)
    if head.status_code == 404:  # the run waits for a machine: nothing has been written
        return LogPart(b"", "")
    complete = head.headers.get("x-ms-meta-Complete", "")
    size = int(head.headers.get("Content-Length") or 0)
    if size <= offset:
        return LogPart(b"", complete)
    last = min(size, offset + LOG_PIECE) - 1
    part = _send("GET", url, patience, None, {"x-ms-range": f"bytes={offset}-{last}"})
    content = part.content if part.status_code == 206 else part.content[offset : last + 1]
    return LogPart(content, complete if offset + len(content) >= size else "")


def _send(
    method: str, url: str, patience: Patience, body: bytes | None = None, headers: dict[str, str] | None = None
) -> requests.Response:
    import requests

    from bedplate.clients.azure.patience import patiently

    sent = {"x-ms-version": BLOB, **(headers or {})}

    def ask() -> requests.Response:
        with requests.Session() as session:
            session.auth = lambda request: request  # the URL is the sign-in: no .netrc
            return session.request(
                method, url, data=body, headers=sent, timeout=(patience.connect, patience.read), allow_redirects=False
            )

    answer = patiently(ask, method, url, patience, "a storage account, as Azure names it")
    if answer.status_code < 400 and answer.status_code not in DONE[method]:
        raise errors.stranger(method, url, answer.status_code)
    if answer.status_code < 400 or (method == "HEAD" and answer.status_code == 404):
        return answer
    code, said = errors.words(answer.content)
    code = code or answer.headers.get("x-ms-error-code", "")
    message = f"{method} {errors.short(url)}: {answer.status_code} {code}: {said}".rstrip(": ")
    if answer.status_code != 403:
        later = retry_after.later(errors.retry_after(answer.headers))
        gone = "that container is gone: is the workspace's storage account as it was made?"
        hint = gone if code == "ContainerNotFound" else hints.by_status(answer.status_code, later)
        raise StepError(message, hint)
    hint = _refused(code, said, url)
    if hint:
        raise StepError(message, hint)
    raise ExpiredError(message, "the address's signature has expired, or this machine's clock is wrong: run again")


def _refused(code: str, said: str, url: str) -> str:
    """What mends a 403 that no other signature would; "" of one that it would ("Blob service error codes")."""
    account = (urlsplit(url).hostname or "").partition(".")[0]
    if code == "AuthorizationFailure" and "authorized to perform" in said:
        command = f"az storage account network-rule add -n {account} --ip-address ADDRESS"
        return f"its firewall does not let this machine in: run inside its network, or `{command}`"
    if code == "AuthorizationPermissionMismatch":
        scope = f'"$(az storage account show -n {account} --query id -o tsv)"'
        command = f'az role assignment create --assignee YOU --role "Storage Blob Data Contributor" --scope {scope}'
        return f"the role 'Storage Blob Data Contributor' is missing: `{command}`"
    if code == "KeyBasedAuthenticationNotPermitted":
        return "the account takes no keys: let the datastore use the identity of whoever is signed in"
    return ""


def _blocks(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield from (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))
        return
    if isinstance(content, (Path, os.PathLike)):
        with open(content, "rb") as file:
            while block := file.read(BLOCK):
                yield block
        return
    waiting = b""
    for piece in content:
        waiting += piece
        while len(waiting) >= BLOCK:
            yield waiting[:BLOCK]
            waiting = waiting[BLOCK:]
    if waiting:
        yield waiting
