"""registry_http: one request to a registry and its answer: sign-in, redirects and what may be tried again."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode, urljoin, urlsplit

from bedplate.clients import registry_errors, retry_after, waiting
from bedplate.clients.credentials import HUB_HOSTS, Credentials
from bedplate.clients.registry_origin import loopback, origin
from bedplate.clients.registry_sign_in import SignIn, TokenRequest, challenge
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.secrets import Secret

if TYPE_CHECKING:
    import requests

TEMPORARY = (429, 503)  # RFC 6585, 4; RFC 9110, 15.6.4
REDIRECTS = (301, 302, 303, 307, 308)
REDIRECTS_AT_MOST = 5
PAUSE_S = 0.2  # before the second try; doubled before each further one
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # looked up without regard to case
    content: bytes


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    authorization: Secret | None = None

    def __str__(self) -> str:
        return f"{self.method} {registry_errors.redacted(self.url)}"


@dataclass(frozen=True)
class Patience:
    """Seconds. `connect`, `read`: for one try; `retry`: how long what is called temporary is tried again."""

    connect: float = 5.0
    read: float = 60.0
    retry: float = 30.0


class RegistryHttp:
    """The connections to one host, kept alive, one for each thread."""

    def __init__(self, host: str, insecure: bool, credentials: Credentials) -> None:
        self._host = "registry-1.docker.io" if host in HUB_HOSTS else host
        self._insecure = insecure or loopback(host)
        self._sign_in = SignIn(credentials, self._fetch_token)
        self._thread = threading.local()
        self._base: str | None = None if self._insecure else f"https://{self._host}"

    def send(
        self,
        method: str,
        path: str,
        *,
        scope: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        accept: tuple[int, ...] = (200,),
        patience: Patience,
    ) -> Reply:
        """`path` begins with /v2/. StepError for a status that is not in `accept`, and where no answer comes."""
        url = self.base(patience) + path
        request = Request(method, url, headers or {}, body, self._sign_in.authorization(scope))
        reply = self._try(request, patience)
        asked = challenge(reply.headers.get("WWW-Authenticate", "")) if reply.status == 401 else None
        if asked and 401 in accept:
            self._sign_in.heard(asked)
        elif asked:
            shown = self._sign_in.answer(asked, scope)
            if shown and not (asked.scheme == "basic" and shown == request.authorization):
                request = replace(request, authorization=shown)
                reply = self._try(request, patience)
        if reply.status not in accept:
            self._refuse(request, self._told(request, reply, patience))
        return reply

    def shown(self, scope: str, patience: Patience) -> Secret | None:
        """The Authorization header for this scope; None: the registry asks for none."""
        if not self._sign_in.known:
            self.send("GET", "/v2/", accept=(200, 401), patience=patience)
        return self._sign_in.authorization(scope)

    def base(self, patience: Patience) -> str:
        """`https://host`, or plain http where that is allowed and spoken.

        As Docker does it: TLS unless `insecure`; on a loopback address http is tried first, since TLS is rare there."""
        self._base = self._base or self._discovered(patience)
        return self._base

    def _discovered(self, patience: Patience) -> str:
        import requests

        schemes = ("http", "https") if loopback(self._host) else ("https", "http")
        until = time.monotonic() + patience.retry
        while True:
            errors = []
            for base in (f"{scheme}://{self._host}" for scheme in schemes):
                try:
                    reply = self._follow(Request("GET", f"{base}/v2/"), patience)
                    if not (reply.status == 400 and b"HTTPS server" in reply.content):
                        return base
                except OSError as error:
                    if not (isinstance(error, requests.RequestException) or registry_errors.no_bundle(error)):
                        raise
                    errors.append(error)
            if not any(_dropped(error) for error in errors) or time.monotonic() > until:
                raise registry_errors.unreachable("GET", f"{schemes[0]}://{self._host}/v2/", errors[0]) from None
            time.sleep(PAUSE_S)

    def _try(self, request: Request, patience: Patience) -> Reply:
        """Tried again while the protocol calls the failure temporary and there is time."""
        import requests

        until, pause = time.monotonic() + patience.retry, PAUSE_S
        while True:
            wait, failure = pause, None
            try:
                reply = self._follow(request, patience)
                if reply.status not in TEMPORARY:
                    return reply
                wait = max(pause, retry_after.seconds(reply.headers.get("Retry-After", "")))
            except OSError as error:
                if not (isinstance(error, requests.RequestException) or registry_errors.no_bundle(error)):
                    raise
                failure = registry_errors.unreachable(request.method, request.url, error)
                if not _dropped(error):
                    raise failure from None
            if time.monotonic() + wait > until:
                if failure:
                    raise failure
                return reply
            shown = f"{request.method} {registry_errors.redacted(request.url)}"
            waiting.pause(wait, shown, "no answer" if failure else reply.status)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _follow(self, request: Request, patience: Patience) -> Reply:
        """Redirects by hand: a blob may lie on another host, which must not see the account of this one."""
        url = request.url
        for _ in range(REDIRECTS_AT_MOST + 1):
            headers = dict(request.headers)
            if request.authorization and origin(url) == origin(request.url):
                headers["Authorization"] = request.authorization.reveal()
            answer = self._session().request(
                request.method,
                url,
                headers=headers,
                data=request.body,
                allow_redirects=False,
                verify=_authorities() if not self._insecure else False,
                timeout=(patience.connect, patience.read),
            )
            followed = request.method in ("GET", "HEAD") and answer.status_code in REDIRECTS
            if not followed or "Location" not in answer.headers:
                return Reply(answer.status_code, answer.headers, answer.content)
            url = urljoin(url, answer.headers["Location"])
            if urlsplit(url).scheme != "https" and not self._insecure:
                raise StepError(f"{request}: sent on to {origin(url)}, which is not encrypted")
        raise StepError(f"{request}: more than {REDIRECTS_AT_MOST} redirects")

    def _fetch_token(self, asked: TokenRequest) -> Mapping[str, Any]:
        if urlsplit(asked.realm).scheme != "https" and not self._insecure:
            raise StepError(f"{self._host} wants the account sent to {asked.realm!r}, which is not encrypted")
        url = asked.realm
        if asked.query:
            url += ("&" if "?" in url else "?") + urlencode(asked.query)
        request = Request("GET", url, authorization=asked.authorization)
        if asked.form is not None:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            request = Request("POST", url, form, urlencode(asked.form).encode())
        reply = self._try(request, Patience())
        if reply.status != 200:
            self._refuse(request, reply)
        try:
            answer = json.loads(reply.content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise StepError(f"{request}: no token in the answer")
        return answer

    def _told(self, request: Request, reply: Reply, patience: Patience) -> Reply:
        """The refusal with its words, which the answer to a HEAD cannot have: a firewall's are in them alone."""
        if request.method != "HEAD":
            return reply
        try:
            again = self._try(replace(request, method="GET"), replace(patience, retry=0.0))
        except StepError:
            return reply
        return again if again.status == reply.status else reply

    def _refuse(self, request: Request, reply: Reply) -> NoReturn:
        signed_in = request.authorization is not None or request.method == "POST"
        wait_s = retry_after.seconds(reply.headers.get("Retry-After", ""))
        error = registry_errors.refused(request.method, request.url, reply.status, reply.content, signed_in, wait_s)
        hint, kind = error.hint, type(error)
        if reply.status == 401 and signed_in:
            kind = registry_errors.LoginRefusedError
        if reply.status == 401 and signed_in and (source := self._sign_in.source()):
            hint = f"{self._host} refuses this account or its password: correct {source}"
        raise kind(self._sign_in.hide(error.message), hint)

    def _session(self) -> requests.Session:
        import requests

        session: requests.Session | None = getattr(self._thread, "session", None)
        if session is None:
            session = self._thread.session = requests.Session()
            session.auth = _as_it_is  # else requests takes an account from ~/.netrc
            session.trust_env = not loopback(self._host)  # a proxy does not know our loopback
            session.headers["User-Agent"] = "bedplate"
            if self._insecure:  # the spec says so: urllib3 need not say it at each request
                warnings.filterwarnings("ignore", "Unverified HTTPS request")
        return session


def _authorities() -> bool | str:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True


def _dropped(error: BaseException) -> bool:
    """The connection went away: whether the request was carried out is not known, but all of ours may be repeated."""
    gone = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, http.client.IncompleteRead)
    return isinstance(registry_errors.root_cause(error), gone)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
