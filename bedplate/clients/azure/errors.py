"""azure.errors: what Azure or the way to it said, in the user's words, with the next thing to do."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bedplate.clients import retry_after as asked_to_wait
from bedplate.clients.azure import hints
from bedplate.clients.azure.account import Account
from bedplate.clients.registry_errors import (
    NO_BUNDLE_HINT,
    bundle,
    certificate_hint,
    no_bundle,
    proxy_refused,
    redacted,
    root_cause,
    silent,
)
from bedplate.errors import StepError

SHOWN = 300  # characters of an answer that is not the Resource Manager's own JSON
ABOVE = ("SubscriptionNotFound", "ResourceGroupNotFound", "InvalidSubscriptionId", "NoRegisteredProviderFound")


STRANGER_HINT = "a proxy or a network's own sign-in page stands between: sign in to it, or correct HTTPS_PROXY"
BUSY = (409, 429)  # and all from 500 on


class OutOfSightError(StepError):
    """No answer came, or not in time, or Azure is busy, perhaps with this very thing for somebody else.

    What it was asked for may still be done, and a later run takes it up."""


def refused(
    method: str, url: str, status: int, content: bytes, account: Account, headers: Mapping[str, str]
) -> StepError:
    """`PUT .../deployments/blue: 403 AuthorizationFailed: ...`; the error is the Resource Manager's (ARM RPC)."""
    code, said = words(content)
    head = " ".join(part for part in (str(status), code) if part)
    if 300 <= status < 400:  # it redirects nobody
        return stranger(method, url, status)
    hint = hints.refused(status, code, said, url, account, asked_to_wait.later(retry_after(headers)))
    kind = OutOfSightError if status in BUSY or status >= 500 else StepError
    return kind(f"{method} {short(url)}: {head}" + (f": {said}" if said else ""), hint)


def failed(what: str, status: str, error: Mapping[str, Any], url: str, account: Account) -> StepError:
    """For a long operation on `url` that ended `Failed` or `Canceled`."""
    code, said = words(json.dumps({"error": error}).encode())
    outcome = {"Canceled": "was cancelled in Azure"}.get(status, "failed in Azure")
    message = f"{what} {outcome}: " + (": ".join(p for p in (code, said) if p) or "it gives no reason")
    return StepError(message, hints.ended(status, code, said, url, account))


def unreachable(method: str, url: str, error: BaseException, named: str = "") -> OutOfSightError:
    """For what went wrong before there was an answer. `named`: where the address comes from, for people."""
    cause, host = root_cause(error), urlsplit(url).netloc or url
    where, whence = f"{method} {short(url)}", f"{host} is {named}; " if named else ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        ca = (
            f"point REQUESTS_CA_BUNDLE to a file with the CA that signs {host} (certifi's bundle and your network's CA)"
        )
        hint = certificate_hint(cause, host) or ca
        return OutOfSightError(f"{where}: certificate not trusted: {cause.verify_message}", hint)
    if no_bundle(error):
        return OutOfSightError(f"{where}: {bundle(error)}", NO_BUNDLE_HINT)
    if "ProxyError" in _names(error):  # before all that may be wrong with the host itself: it was not asked
        said, hint = proxy_refused(url, _said(cause))
        return OutOfSightError(f"{where}: {said}", hint)
    if isinstance(cause, socket.gaierror):
        hint = f"{whence}does this machine resolve it (VPN, private DNS zone), or must a proxy (HTTPS_PROXY)?"
        return OutOfSightError(f"{where}: no such host: {host}", hint)
    if isinstance(cause, ConnectionRefusedError):
        return OutOfSightError(f"{where}: connection refused", f"{whence}nothing listens there")
    if isinstance(cause, TimeoutError) or "Timeout" in _names(error):
        said, hint = silent(url, f"{whence}run again; a firewall that drops packets looks like this too")
        return OutOfSightError(f"{where}: {said}", hint)
    said = "the connection broke off" if temporary(error) else _said(cause)
    return OutOfSightError(f"{where}: {said}", "run again: what is done stays done")


def spoken(content: bytes) -> bool:
    """Is it what the Resource Manager answers with: nothing, or JSON?"""
    try:
        if content.strip():
            json.loads(content)
    except ValueError:
        return False
    return True


def stranger(method: str, url: str, status: int) -> OutOfSightError:
    """For an answer that is none of Azure's, though its status says that all is well."""
    message = f"{method} {short(url)}: {status}, but it is not Azure that answers"
    return OutOfSightError(message, STRANGER_HINT)


def temporary(error: BaseException) -> bool:
    """The connection went away or the answer was late. An unknown name or a certificate will not mend itself."""
    gone = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, http.client.HTTPException, TimeoutError)
    return isinstance(root_cause(error), gone) or "Timeout" in _names(error) or "IncompleteRead" in _names(error)


def is_network(error: BaseException) -> bool:
    return isinstance(root_cause(error), OSError) or "ConnectionError" in _names(error)


def words(content: bytes) -> tuple[str, str]:
    """Code and message of an error; the reason that Azure ML hides as text in `details` is taken out of there."""
    try:
        answer = json.loads(content)
        error = answer.get("error") or answer
        code, said = str(error.get("code") or ""), str(error.get("message") or "")
        for detail in error.get("details") or []:
            more = _inner(str(detail.get("message") or ""))
            if more and more not in said:
                said = f"{said} {more}".strip()
        return code, " ".join(said.split())
    except (ValueError, AttributeError, TypeError):
        text = content[: SHOWN * 4].decode("utf-8", errors="replace").strip()
        found = re.search(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", text, re.DOTALL)  # the blob service's
        if found:
            return found[1], " ".join(found[2].split())[:SHOWN]
        return "", "" if text.startswith("<") else " ".join(text.split())[:SHOWN]


def missing_above(document: Mapping[str, Any], url: str) -> str:
    """Of a 404 that is not about `url` itself: what is missing, as the Resource Manager names it; else ""."""
    error = document.get("error") or {}
    code, said = str(error.get("code") or ""), str(error.get("message") or "")
    if code in ABOVE:
        return code
    # in these words the Resource Manager itself answers; the service behind it has others for what is its own
    found = re.search(r"[Tt]he (?:parent )?[Rr]esource '(?:[^']*/providers/)?([^']+)' (?:under|could not)", said)
    asked = urlsplit(url).path.rpartition("/providers/")[2].lower()
    return found[1] if found and asked.startswith(found[1].lower() + "/") else ""


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds; 0 where the service says nothing."""
    milliseconds = headers.get("x-ms-retry-after-ms") or headers.get("retry-after-ms") or ""
    if milliseconds.isdigit():
        return float(milliseconds) / 1000
    return asked_to_wait.seconds(headers.get("Retry-After", ""))


def short(url: str) -> str:
    """An address for people: no signature, and of an ARM id what follows its group."""
    path = redacted(url) if "://" in url else url
    return re.sub(
        r"^https://[^/]+/subscriptions/[^/]+/resourceGroups/([^/]+)/providers/Microsoft\.\w+/", r"\1/", path, flags=re.I
    )


def _inner(text: str) -> str:
    """`... error detail: {"errors": {"VmSize": ["Not enough quota ..."]}}` -> the texts within."""
    start = text.find("{")
    if start < 0:
        return text
    try:
        found = json.loads(text[start : text.rfind("}") + 1]).get("errors")
    except (ValueError, AttributeError):
        return text
    if not isinstance(found, dict):
        return text
    return " ".join(str(one) for many in found.values() for one in (many if isinstance(many, list) else [many]))


def _names(error: BaseException) -> str:
    return " ".join(kind.__name__ for kind in type(error).__mro__)


def _said(cause: BaseException) -> str:
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause) or type(cause).__name__
