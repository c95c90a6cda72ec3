"""Tokens of the sign-in service: who they were given to, what for, and whether they still hold."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass, field

from .exchange import Refused, Request

CLIENT = "11111111-1111-1111-1111-111111111111"  # the service principal
OBJECT = "22222222-2222-2222-2222-222222222222"
USER = "someone@example.org"


@dataclass
class Tokens:
    """`lifetime`: seconds an access token lives. `refuse`: the sign-in service's answer to every token request."""

    tenant: str
    secret: str = field(default_factory=lambda: secrets.token_hex(20))
    refresh_token: str = field(default_factory=lambda: "refresh-" + secrets.token_hex(20))
    lifetime: int = 3600
    refuse: str = ""  # AADSTS... text
    _issued: dict[str, tuple[str, float]] = field(default_factory=dict)  # token -> (audience, expiry)

    def issue(self, audience: str) -> str:
        """A token in the form of the service's own, so that clients can read its claims; the signature is none."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
            "appid": CLIENT,
            "oid": OBJECT,
            "tid": self.tenant,
            "idtyp": "app",
            "jti": secrets.token_hex(8),
        }
        token = ".".join((_part({"alg": "RS256", "typ": "JWT"}), _part(claims), "c2lnbmF0dXJl"))
        self._issued[token] = (audience, time.time() + self.lifetime)
        return token

    def expire(self) -> None:
        """Every access token given so far is refused from now on; new ones can be had."""
        self._issued = {token: (audience, 0.0) for token, (audience, _) in self._issued.items()}

    def holds(self, token: str) -> bool:
        return self._issued.get(token, ("", 0.0))[1] > time.time()

    def check(self, request: Request) -> None:
        """Raises the Resource Manager's 401 unless the request carries a token that holds."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise self._unauthorized(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        if token not in self._issued:
            raise self._unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
        if not self.holds(token):
            raise self._unauthorized(
                "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."
            )

    def _unauthorized(self, code: str, message: str) -> Refused:
        challenge = f'Bearer authorization_uri="https://login.windows.net/{self.tenant}", error="invalid_token"'
        return Refused(401, code, message, {"WWW-Authenticate": challenge})


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
