"""registry_sign_in: what a registry wants in the Authorization header, and how to get it."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from bedplate.clients.credentials import Credentials, Login
from bedplate.clients.registry_errors import LoginRefusedError
from bedplate.frozen import dataclass
from bedplate.secrets import Secret

CLIENT_ID = "bedplate"
LIFE_S = 60.0  # of a token that does not say (distribution: "Token Authentication Specification")
MARGIN_S = 5.0
CHALLENGE = r'(?i)\b(bearer|basic)\s((?:(?!\b(?:bearer|basic)\s)[^"]|"(?:[^"\\]|\\.)*")*)'
NAMES = ("realm", "service", "scope")


@dataclass(frozen=True)
class Challenge:
    """A WWW-Authenticate header (RFC 9110, 11.6.1): `scheme` is bearer or basic."""

    scheme: str
    realm: str
    service: str = ""
    scope: str = ""


def challenge(header: str) -> Challenge | None:
    """The strongest one that we can answer: Bearer, then Basic."""
    found: dict[str, Challenge] = {}
    # a scheme and what follows it up to the next scheme; a comma may part pairs as well as challenges
    for scheme, rest in re.findall(CHALLENGE, header):
        pairs = re.findall(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', rest)
        values = {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for name, quoted, bare in pairs}
        found[scheme.lower()] = Challenge(scheme.lower(), *(values.get(name, "") for name in NAMES))
    return found.get("bearer") or found.get("basic")


@dataclass(frozen=True)
class TokenRequest:
    """What is sent to the realm: a GET with `query`, or a POST with `form` (OAuth 2, for a refresh token)."""

    realm: str
    query: Mapping[str, str]
    form: Mapping[str, str] | None
    authorization: Secret | None


class SignIn:
    """One registry's: it remembers the challenge and the tokens. Safe to share between threads.

    `fetch` sends a TokenRequest and returns the JSON of the answer."""

    def __init__(self, credentials: Credentials, fetch: Callable[[TokenRequest], Mapping[str, Any]]) -> None:
        self._credentials = credentials
        self._fetch = fetch
        self._challenge: Challenge | None = None
        self._tokens: dict[str, tuple[Secret, float]] = {}
        self._lock = Lock()

    def authorization(self, scope: str) -> Secret | None:
        """The header for this scope as far as we know the registry; None: nothing is asked for, or nothing yet."""
        asked = self._challenge
        if asked is None:
            return None
        return self._basic() if asked.scheme == "basic" else self._token(asked, scope)

    @property
    def known(self) -> bool:
        """Whether the registry has said what it asks for."""
        return self._challenge is not None

    def heard(self, asked: Challenge) -> None:
        """Remembers what the registry asks for, so that the next request brings it at once."""
        with self._lock:
            self._challenge = asked

    def answer(self, asked: Challenge, scope: str) -> Secret | None:
        """The header that answers a refusal; None: we have nothing (more) to show."""
        with self._lock:
            self._challenge = asked
            self._tokens.pop(scope, None)
        return self._basic() if asked.scheme == "basic" else self._token(asked, asked.scope or scope, scope)

    def source(self) -> str:
        """Where the spec has name and password from, in words; "" where it says nothing of them."""
        login = self._credentials()
        return login.source if login else ""

    def hide(self, text: str) -> str:
        """The text without our secrets, should the other side have repeated one."""
        login, basic = (self._credentials(), self._basic()) if self._challenge else (None, None)
        headers = [*([basic] if basic else []), *(token for token, _ in list(self._tokens.values()))]
        hidden = [header.reveal().partition(" ")[2] for header in headers]
        for secret in [*hidden, login.password.reveal() if login else ""]:
            text = text.replace(secret, "***") if secret else text
        return text

    def _basic(self) -> Secret | None:
        login = self._credentials()
        if login is None or login.identity:
            return None
        pair = f"{login.username}:{login.password.reveal()}".encode()
        return Secret("Basic " + base64.b64encode(pair).decode())

    def _token(self, asked: Challenge, scope: str, name: str = "") -> Secret | None:
        name = name or scope
        for known in (name, name.removesuffix(":pull") + ":pull,push"):
            token, ends = self._tokens.get(known, (None, 0.0))
            if token and time.monotonic() < ends:
                return token
        answer = self._fetched(asked, scope)
        text = answer.get("token") or answer.get("access_token")
        if not isinstance(text, str) or not text:
            return None
        token = Secret("Bearer " + text)
        life = answer.get("expires_in")
        seconds = float(life) if isinstance(life, (int, float)) and life > 0 else LIFE_S
        with self._lock:
            self._tokens[name] = (token, time.monotonic() + max(seconds - MARGIN_S, seconds / 2))
        return token

    def _fetched(self, asked: Challenge, scope: str) -> Mapping[str, Any]:
        login = self._credentials()
        try:
            return self._fetch(self._request(asked, scope, login))
        except LoginRefusedError:
            if login is None or login.renew is None:
                raise
            login.renew()  # it was withdrawn in the middle: one new one, then the answer stands
            return self._fetch(self._request(asked, scope, self._credentials()))

    def _request(self, asked: Challenge, scope: str, login: Login | None) -> TokenRequest:
        wanted = {name: value for name, value in (("service", asked.service), ("scope", scope)) if value}
        if login is None:
            return TokenRequest(asked.realm, wanted, None, None)
        if login.identity:
            grant = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": login.password.reveal()}
            return TokenRequest(asked.realm, {}, {**wanted, **grant}, None)
        return TokenRequest(asked.realm, {**wanted, "account": login.username}, None, self._basic())
