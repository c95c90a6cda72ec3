"""registry_errors: what a registry or the way to it said, in the user's words."""

from __future__ import annotations

import json
import re
import socket
import ssl
from urllib.parse import urlsplit

from bedplate.clients import retry_after
from bedplate.errors import DamagedError, StepError

REMOVE = "the registry's storage is damaged: remove the blob there, and `doit` pushes the image again"
NO_BUNDLE_HINT = "correct REQUESTS_CA_BUNDLE (or SSL_CERT_FILE, CURL_CA_BUNDLE), or unset it"
PROXY_HINT = "correct HTTPS_PROXY, or name this host in NO_PROXY if it needs no proxy"
SHOWN = 300  # characters of an answer that is not the registry's own JSON


class LoginRefusedError(StepError):
    """Name and password, or the token in their place, are refused."""


def refused(method: str, url: str, status: int, body: bytes, signed_in: bool, wait_s: float = 0) -> StepError:
    """`PUT https://ml.example.io/v2/train/manifests/3: 403 DENIED: ...` (distribution-spec, "Error Codes").

    `wait_s`: what the answer asks to wait."""
    code, said = _own_words(body)
    words = " ".join(word for word in (str(status), code) if word) + (f": {said}" if said else "")
    if status == 500 and method in ("HEAD", "GET") and "/manifests/" in url:
        # distribution's answer where the manifest's content makes no sense
        return DamagedError(f"{method} {redacted(url)}: the registry cannot read it: {words}", REMOVE)
    hint = _hint(urlsplit(url).netloc, status, code, said, signed_in, retry_after.later(wait_s))
    return StepError(f"{method} {redacted(url)}: {words}", hint)


def unreachable(method: str, url: str, error: BaseException) -> StepError:
    """For what went wrong before there was an answer."""
    host = urlsplit(url).netloc
    cause = root_cause(error)
    where = f"{method} {redacted(url)}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        ca = f"point REQUESTS_CA_BUNDLE to the CA of {host}, or set `insecure: true` on the registry"
        message = f"{where}: certificate not trusted: {cause.verify_message}"
        return StepError(message, certificate_hint(cause, host) or ca)
    if no_bundle(error):
        return StepError(f"{where}: {bundle(error)}", NO_BUNDLE_HINT)
    if any(kind.__name__ == "ProxyError" for kind in type(error).__mro__):
        # before what may be wrong with the host itself: it was not asked
        said, hint = proxy_refused(url, (cause.strerror if isinstance(cause, OSError) else None) or str(cause))
        return StepError(f"{where}: {said}", hint)
    if isinstance(cause, ssl.SSLError):
        return StepError(f"{where}: no TLS there: {cause.reason or cause}", "`insecure: true` allows plain HTTP")
    if isinstance(cause, ConnectionRefusedError):
        return StepError(f"{where}: connection refused", f"nothing listens on {host}: is the address right, is it up?")
    if isinstance(cause, socket.gaierror):
        return StepError(f"{where}: no such host", f"is {host} spelled right, and is its network (VPN) up?")
    if isinstance(cause, TimeoutError):
        said, hint = silent(url, "run again; a firewall that drops packets looks like this too")
        return StepError(f"{where}: {said}", hint)
    text = (cause.strerror if isinstance(cause, OSError) else None) or str(cause) or type(cause).__name__
    return StepError(f"{where}: {text}", "run again: what is done stays done")


def certificate_hint(cause: ssl.SSLCertVerificationError, host: str) -> str:
    """Of a certificate that no bundle of authorities would mend (OpenSSL, X509_verify_cert_error_string); else ""."""
    if cause.verify_code in (9, 10):
        return f"is this machine's clock right? Else whoever runs {host} must renew the certificate"
    if cause.verify_code in (62, 64):
        return f"another machine answers than {host}: look at DNS, HTTPS_PROXY and the address"
    return ""


def no_bundle(error: BaseException) -> bool:
    """Is it a file of authorities that is not there (a bare OSError of requests, in words alone), or holds none?"""
    if isinstance(cause := root_cause(error), ssl.SSLError):
        return "NO_CERTIFICATE_OR_CRL_FOUND" in (cause.reason or str(cause))
    return type(error) is OSError and "CA certificate bundle" in str(error)


def bundle(error: BaseException) -> str:
    return str(error) if type(error) is OSError else "the CA certificate bundle holds no certificate"


def proxy(url: str) -> str:
    """`the proxy http://proxy:3128`: the one that the environment names for this address; "" where it names none."""
    from requests.utils import get_environ_proxies, select_proxy

    address = url if "://" in url else "https://unknown.invalid"
    named = select_proxy(address, get_environ_proxies(address))
    return f"the proxy {redacted(named if '://' in named else f'http://{named}')}" if named else ""


def proxy_refused(url: str, said: str) -> tuple[str, str]:
    """What is told of a proxy that cannot be used, and the hint. `said`: why not, in the system's words."""
    hint = "it wants an account: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT" if " 407 " in said else PROXY_HINT
    return f"{proxy(url) or 'the proxy'} cannot be used: {said}", hint


def silent(url: str, otherwise: str) -> tuple[str, str]:
    """What is told of an answer that did not come, and the hint: `otherwise`, where no proxy stands between."""
    named = proxy(url)
    return (f"no answer in time through {named}", PROXY_HINT) if named else ("no answer in time", otherwise)


def root_cause(error: BaseException) -> BaseException:
    """The innermost exception: requests and urllib3 wrap the socket's own in three layers."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def redacted(url: str) -> str:
    """Without user, query and fragment: storage behind a registry signs its URLs in the query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _own_words(body: bytes) -> tuple[str, str]:
    try:
        answer = json.loads(body)
        first = answer["errors"][0] if answer.get("errors") else answer
        if isinstance(first.get("error"), dict):  # of what stands before a registry of Azure's
            first = first["error"]
        said = first.get("message") or first.get("details") or first.get("error_description") or ""
        return str(first.get("code") or first.get("error") or ""), str(said)
    except (ValueError, AttributeError, LookupError, TypeError):
        text = body[: SHOWN * 4].decode("utf-8", errors="replace").strip()
        return "", "" if text.startswith("<") else " ".join(text.split())[:SHOWN]


def _hint(host: str, status: int, code: str, said: str, signed_in: bool, later: str) -> str:
    if "HTTP request to an HTTPS server" in said:
        return f"{host} speaks TLS"
    if "allowed access" in said:  # an Azure registry's firewall, whose words name the address that it sees
        address = re.search(r"client with IP '([^']+)'", said)
        name = host.partition(".")[0] if host.partition(".")[2].startswith("azurecr.") else "NAME"
        command = f"az acr network-rule add -n {name} --ip-address {address[1] if address else 'ADDRESS'}"
        return f"its firewall does not let this machine in: run inside its network, or let it in: `{command}`"
    if status == 401 and signed_in:
        return f"{host} refuses this account or its password: `docker login {host}`, or correct `username`/`password`"
    if status == 401:
        return f"{host} wants an account: `docker login {host}`, or `username` and `password` on the registry"
    if status == 403:
        account = "the signed-in account" if signed_in else "an anonymous caller"
        return f"{account} may not do this on {host}: its permissions on the repository, or the registry's firewall"
    if code == "NAME_UNKNOWN":
        return "the registry has no such repository and does not make one on push: create it there"
    if status == 429:
        mends = later if signed_in else f"sign in, or {later}"
        return f"the registry limits how often it may be asked: {mends}"
    if status >= 500:
        return f"the registry is busy or down, and stayed so: {later}"
    return ""
